"""`opsdesk replay`: past cases decided again under another routing policy. No model is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from errors import UsageError
from opsdesk.command import Json, day, open_desk, print_json

if TYPE_CHECKING:
    from opsdesk.desk import Desk
    from opsdesk.redeciding import Stage


def register(app: typer.Typer) -> None:
    """Adds `replay` to the command line."""
    app.command()(replay)


def replay(
    policy: Annotated[
        str, typer.Option("--policy", help="cheapest, balanced, best, offline, or a .toml or .yaml file of one.")
    ],
    since: Annotated[str, typer.Option("--since", help="Cases begun on this day (YYYY-MM-DD, UTC) or later.")] = "",
    kb: Annotated[str, typer.Option("--kb", help="Cases of one knowledge base only.")] = "",
    as_json: Json = False,
) -> None:
    """Say what past cases would have cost under another policy, and how many answers would have been accepted.

    Decides kept cases again and calls no model: where another tier would have written, the figures are estimates from
    its own drafts about tickets of the same kind, with 95% intervals; where it was hardly tried, nothing is said.
    A file has, each optional: [targets] low and high, quoting, tiers, high_stakes_tier, hard_and_high.
    Example: opsdesk replay --policy cheapest --since 2026-10-01
    """
    from opsdesk import show_replay
    from opsdesk.policies import rules_of
    from opsdesk.replay import replay as replayed
    from tasks.paths import Paths

    name, rules = rules_of(policy)
    desk, begun = open_desk(), day(since)
    kept = Paths(desk.task_list.database)
    stage = stage_of(desk)
    offers = stage.offers(stage.tables[0][1])
    if rules.always == "dearest" and len(offers) == 1:
        raise UsageError("best needs a paid tier, and none is configured; set OPENAI_API_KEY or a tier's __MODEL")
    found = replayed(kept.read(begun, kb), kept.last_words(), stage, rules)
    paired = kept.paired(offers[-1].tier) if rules.always == "dearest" else None
    if as_json:
        print_json(show_replay.as_json(name, since, kb, found, paired))
    else:
        show_replay.show(name, found, paired)


def stage_of(desk: Desk) -> Stage:
    """The tiers that are configured, whatever policy is in force, their prices, and all tables that were learned."""
    from agents.experience import Experience
    from agents.routing import Offer, offer
    from opsdesk.redeciding import Stage
    from opsdesk.tiers import paid_tiers, prices
    from tasks.case import LOCAL_MODEL, Tier
    from tasks.ledger import Ledger

    settings = desk.settings.model_copy(update={"policy": "balanced"})
    paid = paid_tiers(settings)
    frontier = paid.get("frontier")
    ledger = Ledger(frontier.model if frontier else settings.reference_model, prices(settings))
    models: list[tuple[Tier, str]] = [("local", LOCAL_MODEL), *((tier, one.model) for tier, one in paid.items())]

    def offers(table: Experience) -> list[Offer]:
        return [offer(tier, model, ledger, table) for tier, model in models]

    learned = [(at, Experience.model_validate({**body, "version": n})) for at, n, body in desk.records.tables()]
    return Stage(
        [("", Experience()), *learned],
        offers,
        ledger.prices,
        settings.budget_usd,
        settings.deadline_s,
        settings.high_stakes_tier,
    )
