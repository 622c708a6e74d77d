"""One object that wires the house together: index, search, ask, trace. Every way in goes through it."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from errors import NoKnowledgeBase, StoreError, UsageError
from opsdesk.settings import Settings
from tasks.case import Case, Ticket

if TYPE_CHECKING:  # these import slowly, and not every command needs them
    from agents.crew import Crew
    from agents.steps import Watcher
    from knowledge_base.embeddings import Embedder
    from knowledge_base.index import IndexReport, Progress
    from knowledge_base.search import Hit, Searcher
    from tasks.task_list import TaskList

MAX_TICKET_CHARACTERS = 20_000
"""A longer ticket is refused: it is a document, and belongs into a knowledge base."""

MAX_AROUND_CHARACTERS = 2_000
"""Of a ticket's id, subject and customer together."""


def version() -> str:
    """The installed version of Opsdesk."""
    return importlib.metadata.version("opsdesk")


class Desk:
    """The front office. Parts are opened on first use, so that a command pays only for what it uses.

    Safe to share between threads once its parts are open.
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.settings = settings
        self._now = now
        self._searchers: dict[str, Searcher] = {}
        self._crews: dict[str, Crew] = {}
        try:
            settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(
                f"cannot make the folder {settings.home}: {error.strerror}; set OPSDESK_HOME to one that can be written"
            ) from error

    @cached_property
    def task_list(self) -> TaskList:
        """The database of cases."""
        from tasks.task_list import TaskList

        return TaskList(self.settings.database)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model; made on this machine when it is first needed."""
        from knowledge_base.embeddings import Embedder

        return Embedder(self.settings.models)

    def index(self, paths: Sequence[Path], kb: str, progress: Progress | None = None, source: str = "") -> IndexReport:
        """Brings a knowledge base up to date with `paths`, and makes it the default one.

        A source is known by its path, however that is spelled, or by the name `source`, wherever it lies.
        """
        from knowledge_base.index import build
        from knowledge_base.sources import Document, read_sources

        known = [path.resolve() for path in paths]
        found = read_sources(known)
        if source:
            found = (replace(item, source=source) if isinstance(item, Document) else item for item in found)
        sources = [source] if source else [str(path) for path in known]
        report = build(self.settings.knowledge_bases, kb, found, sources, self.embedder, self._now, progress)
        self._searchers.pop(kb, None)
        self._crews.pop(kb, None)
        return report

    def default_kb(self) -> str:
        """The only knowledge base, else the one indexed last. Raises `NoKnowledgeBase` when there is none."""
        from knowledge_base import versions

        found = versions.folders(self.settings.knowledge_bases)
        if not found:
            raise NoKnowledgeBase(
                "there is no knowledge base yet; make one with: opsdesk index FOLDER (or run opsdesk demo)"
            )
        return max(found, key=versions.marked).name

    def searcher(self, kb: str) -> Searcher:
        """Search over one knowledge base, opened once."""
        if kb not in self._searchers:
            from knowledge_base.index import open_index
            from knowledge_base.search import Searcher

            self._searchers[kb] = Searcher(open_index(self.settings.knowledge_bases, kb), self.embedder)
        return self._searchers[kb]

    def search(self, query: str, kb: str = "", k: int = 10) -> list[Hit]:
        """The best `k` chunks for a query."""
        return self.searcher(kb or self.default_kb()).search(query, k)

    def ask(
        self,
        ticket: Ticket,
        kb: str = "",
        budget_usd: float | None = None,
        deadline_s: float | None = None,
        watch: Watcher | None = None,
    ) -> Case:
        """Has the crew work one ticket, and returns its case, which is kept.

        Raises `UsageError` for an empty or oversized ticket and `NoKnowledgeBase`; what goes wrong
        later ends the case and is told there.
        """
        check_ticket(ticket)
        kb = kb or self.default_kb()
        crew = self.crew(kb)
        from agents.steps import Limits

        limits = Limits(
            self.settings.budget_usd if budget_usd is None else budget_usd,
            self.settings.deadline_s if deadline_s is None else deadline_s,
        )
        case = Case(case_id=f"c-{secrets.token_hex(6)}", ticket=ticket, kb=kb, created_at=self._now())
        return crew.work(case, limits, watch)

    def crew(self, kb: str) -> Crew:
        """The crew over one knowledge base, made once."""
        if kb not in self._crews:
            searcher = self.searcher(kb)
            os.environ.setdefault("CREWAI_STORAGE_DIR", str(self.settings.home / "crewai"))
            import agents

            _must_be_ours(agents.__file__)
            from agents import retriever, router, verifier, writer
            from agents.crew import Crew
            from agents.models import LocalModel, Tiers
            from tasks.ledger import Ledger

            skills = {
                router.ROLE: router.SKILL,
                retriever.ROLE: retriever.local_skill(retriever.Library(searcher.findings, searcher.siblings)),
                writer.ROLE: writer.local_skill(self.embedder.embed),
                verifier.ROLE: verifier.SKILL,
            }
            tiers = Tiers({"local": lambda: LocalModel(skills)})
            self._crews[kb] = Crew(tiers, self.task_list, Ledger(self.settings.reference_model), self._now)
        return self._crews[kb]

    def case(self, case_id: str) -> Case:
        """A kept case."""
        return self.task_list.case(case_id)


def check_ticket(ticket: Ticket) -> None:
    """Raises `UsageError` for a ticket that is empty, far too long or no text."""
    from knowledge_base.text import visible

    if not visible(ticket.text).strip():
        raise UsageError('the question is empty; ask something, for example: opsdesk ask "How do I reset my password?"')
    around = ticket.ticket_id + ticket.subject + ticket.customer
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in around + ticket.text):
        raise UsageError("the question holds bytes that are no text; pass it as UTF-8")
    if len(around) > MAX_AROUND_CHARACTERS:
        raise UsageError("the ticket's id, subject and customer are too long; put the text into its body")
    if len(ticket.text) > MAX_TICKET_CHARACTERS:
        raise UsageError(
            f"the question has {len(ticket.text):,} characters, more than the {MAX_TICKET_CHARACTERS:,} allowed; "
            "index it as a document (opsdesk index FILE) and ask about it"
        )


def _must_be_ours(found: str | None) -> None:
    here = Path(__file__).resolve().parents[1] / "agents"
    if found is None or Path(found).resolve().parent != here:
        raise UsageError(
            f"another package named agents was imported ({found}); it is not Opsdesk's: "
            "uninstall it (openai-agents uses that name too) or run Opsdesk in an environment of its own"
        )
