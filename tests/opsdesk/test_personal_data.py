"""Personal data and paid tiers, over real HTTP: what leaves, what comes back, and how it is switched on."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.steps import Journal
from errors import UsageError
from opsdesk import shadow
from opsdesk.desk import Desk
from opsdesk.pages.settings import in_force
from opsdesk.settings import Settings, read_settings
from opsdesk.show_models import models_json
from opsdesk.tiers import paid_tiers, prices, problems
from tasks.calls import Calls
from tasks.case import Case, Ticket
from tasks.sheet import Sheet
from tests.opsdesk.conftest import CHEAP, FRONTIER, KEY
from tests.simulator import Simulator

TEXT = (
    "Hello Sarah,\n\nHow do I reset my password?\n\nMy address is jane.doe@home.net, my number +49 30 901820. "
    "I pay with 4111 1111 1111 1111. It says <EMAIL_1>.\n\nKind regards,\nJane"
)
TICKET = Ticket(text=TEXT, customer="Jane Doe")
PRIVATE = ("jane.doe@home.net", "901820", "4111", "Sarah", "Jane", "Doe", "no-reply@tidewater.example")
presidio = pytest.mark.skipif(
    importlib.util.find_spec("presidio_analyzer") is None, reason="the extra pii is not installed"
)


@pytest.fixture
def desk(home: Path, offline: Desk, sim: Simulator) -> Callable[..., Desk]:
    """A desk over the sample whose paid tiers are at the simulator; the policy makes the dearest write."""

    def made(redact: str, *tiers: str) -> Desk:
        models = {"cheap": CHEAP, "frontier": FRONTIER}
        paid = {tier: {"model": models[tier], "base_url": sim.base_url, "api_key": KEY} for tier in tiers}
        given = {"home": offline.settings.home, "tiers": paid, "policy": "best", "redact": redact}
        desk = Desk(Settings.model_validate(given))
        desk.embedder, desk._searchers = offline.embedder, offline._searchers
        return desk

    return made


def sent(sim: Simulator, model: str) -> str:
    """All that left for a model, as text."""
    return json.dumps([request for request in sim.seen if model in json.dumps(request)], ensure_ascii=False)


def wrote(case: Case) -> list[Any]:
    return [h for h in case.handoffs if h.task == "write"]


@presidio
def test_nothing_that_is_found_leaves_and_the_draft_has_it_back(sim: Simulator, desk: Callable[..., Desk]) -> None:
    shown: list[str] = []
    case = desk("on", "frontier").ask(TICKET, "sample", hear=lambda _, text: shown.append(text))
    left = sent(sim, FRONTIER)
    assert [value for value in PRIVATE if value in left] == []
    assert "<EMAIL_1>" in left
    assert case.outcome == "accepted"
    quotes = json.dumps([h.payload["sent"] for h in wrote(case)])
    assert "no-reply@tidewater.example" in quotes
    assert not re.search(r"<[A-Z]+_\d", quotes + case.answer + "".join(shown))
    assert shown
    (handoff,) = wrote(case)
    assert handoff.payload["replaced"] == {"CARD": 1, "EMAIL": 2, "PERSON": 2, "PHONE": 1, "TEXT": 1}
    assert "replaced before it was sent: 1 CARD, 2 EMAIL" in handoff.reason


@presidio
def test_a_shadow_run_sends_as_little_as_the_run_that_it_repeats(sim: Simulator, desk: Callable[..., Desk]) -> None:
    here = desk("on", "cheap", "frontier")
    case = here.ask(TICKET, "sample")
    assert shadow.run(here, case) == "cheap"
    left = sent(sim, CHEAP)
    assert [value for value in PRIVATE if value in left] == []
    assert "<EMAIL_1>" in left


def test_off_leaves_all_as_it_was(sim: Simulator, desk: Callable[..., Desk]) -> None:
    case = desk("off", "frontier").ask(TICKET, "sample")
    left = sent(sim, FRONTIER)
    assert [value for value in PRIVATE if value not in left and value != "Doe"] == []  # the customer's field stays here
    assert {name for handoff in case.handoffs for name in handoff.payload} == {"received", "sent"}
    assert "unresolved" not in json.dumps([handoff.payload for handoff in case.handoffs])
    assert not [handoff for handoff in case.handoffs if "replaced before" in handoff.reason]
    assert case.outcome == "accepted"


@presidio
def test_a_tier_that_is_not_named_is_sent_everything_and_the_named_one_nothing(
    sim: Simulator, desk: Callable[..., Desk]
) -> None:
    desk("frontier", "cheap").ask(TICKET, "sample")
    assert "jane.doe@home.net" in sent(sim, CHEAP)
    desk("frontier", "cheap", "frontier").ask(TICKET, "sample")
    assert "jane.doe@home.net" not in sent(sim, FRONTIER)


@presidio
def test_a_revision_and_a_lie_keep_their_placeholders_and_leak_nothing(
    sim: Simulator, desk: Callable[..., Desk]
) -> None:
    sim.set(FRONTIER, wrong=1.0, wrong_again=0.0)
    case = desk("on", "frontier").ask(TICKET, "sample")
    left = [json.dumps(request, ensure_ascii=False) for request in sim.seen]
    assert len(wrote(case)) == 2
    assert [value for value in PRIVATE for text in left if value in text] == []
    own = [re.findall(r"My address is (<\w+>), my number (<\w+>)", text)[0] for text in left if "My address" in text]
    assert own[0] == own[1]


@presidio
def test_a_reply_that_was_bought_before_a_crash_is_known_again_by_what_was_sent(
    sim: Simulator, desk: Callable[..., Desk]
) -> None:
    kept: dict[int, Any] = {}

    def work(desk: Desk, dies: bool) -> Case:
        place = iter(range(99))

        def step(name: str, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
            n = next(place)
            if n not in kept:
                made = json.loads(json.dumps(do()))
                if name == "write" and dies:
                    raise KeyboardInterrupt  # bought, and its step not kept
                kept[n] = made
            return kept[n]  # type: ignore[no-any-return]

        calls = Calls(desk.budget, "c-durable", "repeat", lambda _: None)
        unwritten = Sheet(desk.task_list, lambda db, case: None)  # so that the case can be gone through again
        journal = Journal(step, calls, unwritten)
        return desk.ask(TICKET, "sample", case_id="c-durable", journal=journal)

    with pytest.raises(KeyboardInterrupt):
        work(desk("on", "frontier"), dies=True)
    bought = len(sim.seen)
    case = work(desk("on", "frontier"), dies=False)
    assert (case.outcome, len(sim.seen)) == ("accepted", bought)
    again = work(desk("off", "frontier"), dies=False)  # wholly from the records, though it was switched off since
    assert (again.answer, len(sim.seen)) == (case.answer, bought)


# --- the switch ------------------------------------------------------------------------------------------


def test_without_the_extra_nothing_is_sent_and_the_error_names_it(
    monkeypatch: pytest.MonkeyPatch, sim: Simulator, desk: Callable[..., Desk]
) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(UsageError, match=r"OPSDESK_REDACT: .*--extra pii.*"):
        desk("cheap", "cheap").ask(TICKET, "sample")
    assert not sim.seen


@pytest.mark.parametrize(
    ("given", "tiers", "shown"),
    [
        ("off", (), "off"),
        ("On", ("cheap", "mid", "frontier"), "on"),
        ("frontier, cheap", ("cheap", "frontier"), "cheap, frontier"),
    ],
)
def test_it_is_off_on_or_on_for_some_tiers(
    home: Path, monkeypatch: pytest.MonkeyPatch, given: str, tiers: tuple[str, ...], shown: str
) -> None:
    monkeypatch.setenv("OPSDESK_REDACT", given)
    read = read_settings()
    assert (read.redact, read.redacted) == (tiers, shown)
    (home.parent / "opsdesk.toml").write_text(f"redact = {json.dumps(list(tiers) if len(tiers) == 2 else given)}\n")
    monkeypatch.delenv("OPSDESK_REDACT")
    assert read_settings().redact == tiers


def test_a_tier_that_does_not_exist_is_an_error_that_names_the_setting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("local", "cheap,", "yes please", ""):
        monkeypatch.setenv("OPSDESK_REDACT", wrong)
        with pytest.raises(UsageError, match="OPSDESK_REDACT: is off, on, or some of cheap, mid and frontier"):
            read_settings()


@presidio
def test_the_settings_and_the_tiers_tell_whether_it_is_on(desk: Callable[..., Desk]) -> None:
    some = desk("cheap,mid", "cheap", "frontier")
    rows = models_json(some.tiers, prices(some.settings), [], {})["tiers"]
    assert [row.get("redacted") for row in rows] == [None, True, False]
    assert [tier.redacted for tier in paid_tiers(some.settings).values()] == [True, False]
    told = [value for _, value, name in in_force(some.settings, some.task_list.database) if name == "OPSDESK_REDACT"]
    assert told == ["cheap, mid"]
    assert "names mid, which is not configured" in [problem.text for problem in problems(some.settings)]
