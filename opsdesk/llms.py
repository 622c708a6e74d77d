"""How the LLM of each tier is made: the built-in one over a knowledge base, the paid ones at their endpoints."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from errors import UsageError
from tasks.case import Tier

if TYPE_CHECKING:  # these import slowly
    from agents.models import Maker
    from opsdesk.desk import Desk


def makers(desk: Desk, kb: str) -> dict[Tier, Maker]:
    """A maker a tier; the built-in LLM searches `kb`. Raises `NoKnowledgeBase`, and `UsageError` for foreign agents."""
    desk.searcher(kb)  # a knowledge base that is not there is told before CrewAI is loaded
    os.environ.setdefault("CREWAI_STORAGE_DIR", str(desk.settings.home / "crewai"))
    import agents

    _must_be_ours(agents.__file__)
    from agents import retriever, router, verifier, writer
    from agents.models import LocalModel

    def newest() -> retriever.Library:
        searcher = desk.searcher(kb)
        return retriever.Library(searcher.findings, searcher.siblings, searcher.public)

    skills = {
        router.ROLE: router.SKILL,
        retriever.ROLE: retriever.local_skill(newest, desk.toolbox),
        writer.ROLE: writer.local_skill(desk.embedder.embed),
        verifier.ROLE: verifier.SKILL,
    }
    made: dict[Tier, Maker] = {"local": lambda: LocalModel(skills)}
    if desk.tiers:
        from agents.endpoint import EndpointModel

        made |= {tier: partial(EndpointModel, line) for tier, line in desk.lines.items()}
    return made


def _must_be_ours(found: str | None) -> None:
    here = Path(__file__).resolve().parents[1] / "agents"
    if found is None or Path(found).resolve().parent != here:
        raise UsageError(
            f"another package named agents was imported ({found}); it is not Opsdesk's: "
            "uninstall it (openai-agents uses that name too) or run Opsdesk in an environment of its own"
        )
