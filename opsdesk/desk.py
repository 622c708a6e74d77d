"""One object that wires the house together: index, search, ask, trace. Every way in goes through it."""

from __future__ import annotations

import copy
import importlib.metadata
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from errors import NoKnowledgeBase, StoreError, UsageError
from opsdesk import known, uploads
from opsdesk.known import KnowledgeBase, Stale
from opsdesk.settings import Settings
from opsdesk.tickets import check_ticket
from opsdesk.tiers import PaidTier, paid_tiers, prices, redaction, secrets_of
from tasks.case import Case, Policy, Ticket, Tier

if TYPE_CHECKING:  # these import slowly, and not every command needs them
    from agents.crew import Crew
    from agents.endpoint import Line
    from agents.experience import Experience
    from agents.models import Tiers
    from agents.steps import Journal, Listener, Watcher
    from knowledge_base.embeddings import Embedder
    from knowledge_base.holdings import Holding
    from knowledge_base.index import IndexReport, Progress
    from knowledge_base.search import Hit, Searcher
    from knowledge_base.sources import Source
    from opsdesk.mcp_client import Toolbox
    from opsdesk.telemetry import Telemetry
    from opsdesk.tier_check import Checked
    from tasks.budget import Budget, Cap
    from tasks.experience import ExperienceStore
    from tasks.ledger import Ledger
    from tasks.task_list import TaskList

LONGER_THAN_ANY_CASE = timedelta(hours=2)
"""What is held for longer was left behind, also on a machine that cannot be asked."""


def version() -> str:
    """The installed version of Opsdesk."""
    return importlib.metadata.version("opsdesk")


class Desk:
    """The front office. Parts are opened on first use, so that a command pays only for what it uses.

    Safe to share between threads once its parts are open.
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.settings = settings
        self.now, self.threads = now, os.cpu_count() or 2
        self._searchers: dict[str, tuple[tuple[str, str], Searcher]] = {}
        self._opening, self._calling = threading.Lock(), threading.Lock()
        self._crews: dict[str, Crew] = {}
        self._others: dict[Policy, Desk] = {}
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
    def budget(self) -> Budget:
        """What may be spent. What killed processes have left held is booked as spent."""
        from tasks.budget import Budget

        found = Budget(self.task_list.database, self.task_list.owner, self.now)
        found.reclaim(LONGER_THAN_ANY_CASE)
        return found

    @cached_property
    def tiers(self) -> dict[Tier, PaidTier]:
        """The paid tiers in force. Raises `UsageError` when their settings cannot work."""
        return paid_tiers(self.settings)

    @cached_property
    def ledger(self) -> Ledger:
        """Prices; the reference is the frontier tier's model, or the one that is set."""
        from tasks.ledger import Ledger

        frontier = self.tiers.get("frontier")
        return Ledger(frontier.model if frontier else self.settings.reference_model, prices(self.settings))

    @cached_property
    def lines(self) -> dict[Tier, Line]:
        """The lines to the paid tiers' endpoints, shared by all threads. Nothing is sent yet."""
        from agents.endpoint import Endpoint, Line

        return {
            tier: Line(Endpoint(tier, paid.model, paid.base_url, paid.api_key, paid.timeout_s, paid.max_concurrency))
            for tier, paid in self.tiers.items()
        }

    @cached_property
    def telemetry(self) -> Telemetry | None:
        """Who tells a collector of cases; None where nobody collects."""
        from opsdesk import telemetry

        if not telemetry.wanted():
            return None
        secrets = secrets_of(self.settings)
        return telemetry.Telemetry(version(), with_text=self.settings.trace_text, secrets=secrets)

    @cached_property
    def toolbox(self) -> Toolbox | None:
        """The tools of MCP servers; None where none is configured."""
        if not self.settings.mcp.servers:
            return None
        from opsdesk.mcp_client import Toolbox

        return Toolbox(self.settings.mcp.servers)

    @cached_property
    def records(self) -> ExperienceStore:
        """What people said of drafts, and the router's tables."""
        from tasks.experience import ExperienceStore

        return ExperienceStore(self.task_list)

    def experience(self) -> Experience:
        """What the router has learned, as it is in force."""
        from agents.experience import Experience

        found = self.records.in_force()
        return Experience.model_validate({**found[1], "version": found[0]}) if found else Experience()

    def check_tiers(self) -> Iterator[Checked]:
        """Calls each paid tier once and yields what came of it."""
        from opsdesk.tier_check import check
        from tasks.purse import Purse

        def purse(tier: Tier, model: str) -> Purse:
            return Purse(self.budget, self.ledger, self.caps(""), tier, model, "")

        return check(self.lines, self.ledger, purse)

    def under(self, policy: Policy) -> Desk:
        """This desk under another policy; what does not depend on it is shared."""
        if policy == self.settings.policy:
            return self
        with self._calling:
            if policy not in self._others:
                _ = self.task_list, self.budget, self.ledger, self.embedder, self.telemetry, self.toolbox  # opened once
                other = copy.copy(self)
                other.settings = self.settings.model_copy(update={"policy": policy})
                other._crews, other._others, other._calling = {}, {}, threading.Lock()
                for opened in ("tiers", "lines"):
                    other.__dict__.pop(opened, None)
                self._others[policy] = other
            return self._others[policy]

    def caps(self, tenant: str) -> tuple[Cap, ...]:
        """The caps that a case shares with others of the same day (UTC)."""
        from tasks.budget import Cap
        from tasks.purse import nano

        day, settings = f"{self.now().astimezone(UTC):%Y-%m-%d}", self.settings
        found = [(f"day:{day}", settings.daily_budget_usd)]
        if tenant:
            found.append((f"tenant:{tenant}:{day}", settings.tenant_daily_budget_usd))
        return tuple(Cap(scope, nano(usd)) for scope, usd in found if usd is not None)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model; made on this machine when it is first needed."""
        from knowledge_base.embeddings import Embedder

        return Embedder(self.settings.models, threads=self.threads)

    def index(self, paths: Sequence[Path | Source], kb: str, progress: Progress | None = None) -> IndexReport:
        """Brings a knowledge base up to date with `paths`, and makes it the default one.

        A source is known by its path, however that is spelled, or by the name that it is called, wherever it lies.
        """
        from knowledge_base import versions
        from knowledge_base.index import build, known_files
        from knowledge_base.sources import Source, read_sources
        from knowledge_base.sync import arranged

        root = self.settings.knowledge_bases
        held = versions.sources(versions.folder_of(root, kb))
        given = [path if isinstance(path, Source) else Source(path.resolve()) for path in paths]
        known.check_that_none_is_gone(kb, given, held)
        sources = arranged(given, held)
        reading = read_sources(sources, known=known_files(root, kb, sources))
        return build(root, kb, reading, sources, self.embedder, self.now, progress, reading.files)

    def forget(self, kb: str, source: str) -> IndexReport:
        """Takes what came of one source out of a knowledge base. Raises `UsageError` when there is no such source."""
        from knowledge_base.index import build
        from knowledge_base.sources import Source

        held = self.knowledge_base(kb).sources
        name = source if source in held else str(Path(source).resolve())
        if name not in held:
            raise UsageError(f'"{kb}" has nothing from {source}; it is made of: {", ".join(held)}')
        if held == [name]:
            raise UsageError(f'"{kb}" has nothing else; take it away with: opsdesk kb remove {kb}')
        if name == str(self.uploads(kb)):
            uploads.empty(self.uploads(kb))
        root = self.settings.knowledge_bases
        return build(root, kb, (), [Source(Path(name), called=name)], self.embedder, self.now)

    def uploads(self, kb: str) -> Path:
        """The folder of what people have uploaded into a knowledge base: one of its sources, if there is any."""
        return (self.settings.home / "uploads" / kb).resolve()

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
        """Search over the version in force of one knowledge base, opened once and again when there is a newer one."""
        from knowledge_base import versions

        root = self.settings.knowledge_bases
        newest = versions.pointer(versions.folder_of(root, kb))
        opened = self._searchers.get(kb)
        if opened and opened[0] == newest:
            return opened[1]
        # While one thread opens the new version, which may take seconds, the others go on with the one before.
        if not self._opening.acquire(blocking=opened is None) and opened:
            return opened[1]
        try:
            opened = self._searchers.get(kb)
            if opened is None or opened[0] != newest:
                from knowledge_base.index import open_index
                from knowledge_base.search import Searcher

                opened = self._searchers[kb] = newest, Searcher(open_index(root, kb), self.embedder)
            return opened[1]
        finally:
            self._opening.release()

    def has_knowledge_bases(self) -> bool:
        """Whether there is any."""
        from knowledge_base import versions

        return bool(versions.folders(self.settings.knowledge_bases))

    def kb_names(self) -> list[str]:
        """The names of all of them."""
        from knowledge_base import versions

        return [folder.name for folder in versions.folders(self.settings.knowledge_bases)]

    def knowledge_bases(self) -> list[KnowledgeBase]:
        """All of them, the one indexed last first. Raises `DamagedFile` for one whose manifest is damaged."""
        from knowledge_base import versions

        found = versions.folders(self.settings.knowledge_bases)
        return [self.knowledge_base(folder.name) for folder in sorted(found, key=versions.marked, reverse=True)]

    def knowledge_base(self, kb: str = "") -> KnowledgeBase:
        """What one holds."""
        return known.described(self.settings.knowledge_bases, kb or self.default_kb())

    def verified(self, kb: str = "") -> KnowledgeBase:
        """What one holds, every file of it checked. Raises `DamagedFile`, which names the file."""
        from knowledge_base import versions

        found = self.knowledge_base(kb)
        versions.check(*versions.read(versions.folder_of(self.settings.knowledge_bases, found.kb)))
        return found

    def remove(self, kb: str) -> None:
        """Takes a knowledge base away, and what was uploaded into it.

        Raises `NoKnowledgeBase`, and `StoreError` while it is being indexed.
        """
        from knowledge_base import versions

        versions.remove(versions.folder_of(self.settings.knowledge_bases, kb))
        uploads.empty(self.uploads(kb))

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
        hear: Listener | None = None,
        tenant: str = "",
        *,
        case_id: str = "",
        batch_id: str = "",
        caps: tuple[Cap, ...] = (),
        stopped: Callable[[], bool] = lambda: False,
        journal: Journal | None = None,
    ) -> Case:
        """Has the crew work one ticket, and returns its case, which is kept.

        A case of `case_id` that a killed process has left is gone on with. One with a `journal` is gone on with by
        that, and written at its end alone: what is there of it is an earlier try, and replaced. `caps` stand beside
        the day's and the tenant's; once `stopped` is true the case ends.
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
            (*self.caps(tenant), *caps),
            stopped=stopped,
            journal=journal,
        )
        case = self.task_list.find(case_id) if case_id and journal is None else None
        if case is None:
            id_ = case_id or f"c-{secrets.token_hex(6)}"
            named = {"case_id": id_, "kb": kb, "tenant": tenant, "batch_id": batch_id}
            case = Case(ticket=ticket, created_at=self.now(), **named)
        if case.outcome:
            return case
        try:
            return crew.work(case, limits, watch, hear)
        finally:
            if case.outcome and self.telemetry:
                self.telemetry.tell(case)

    def flush(self, seconds: float = 2.0) -> None:
        """Waits, not longer than that, for the last cases to be told of, where somebody collects them."""
        if self.telemetry:
            self.telemetry.flush(seconds)

    def crew(self, kb: str) -> Crew:
        """The crew over one knowledge base, made once."""
        with self._calling:
            if kb not in self._crews:
                tiers, budget = self.llms(kb), self.budget if self.tiers else None
                from agents.crew import Crew, Dial
                from agents.reply import Manner

                manner = Manner(self.settings.tone, self.settings.sign_off)
                dial = Dial(self.settings.policy, self.experience, self.settings.high_stakes_tier)
                self._crews[kb] = Crew(tiers, self.task_list, self.ledger, self.now, manner, dial, budget)
            return self._crews[kb]

    def llms(self, kb: str) -> Tiers:
        """The LLMs of all tiers over one knowledge base. Whoever makes a crew takes them from here, for they know
        which tiers may not be sent personal data."""
        from opsdesk.llms import makers

        made = makers(self, kb)
        from agents.models import Tiers

        return Tiers(made, redaction(self.settings))

    def documents(self, kb: str, most: int = 5_000) -> list[Holding]:
        """What a knowledge base holds, by document."""
        from knowledge_base.holdings import outline

        return outline(self.settings.knowledge_bases, kb, most)

    def examples(self, kb: str) -> list[str]:
        """Questions to begin with, made of the headings of a knowledge base."""
        from knowledge_base.holdings import headings
        from opsdesk.examples import questions

        return questions(headings(self.settings.knowledge_bases, kb))

    def case(self, case_id: str) -> Case:
        """A kept case."""
        return self.task_list.case(case_id)

    def stale(self, case: Case) -> list[Stale]:
        """The documents that a case cites and that have changed since: its proof is about what they said then."""
        return known.stale(self.settings.knowledge_bases, case)
