"""Many people at once, and a worker that dies: nothing crosses, nothing is lost, and the page says what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import go, settled, text_of
from tests.browser.conftest import Opened
from tests.browser.served import Served, served, tiers_at, until
from tests.browser.steps import answered, ask
from tests.simulator import Model, Simulator

CHEAP, FRONTIER = "gpt-6-luna", "gpt-6.1-sol"
KEY = "sk-canary-0123456789abcdef"
SLOW = 4.0
"""Seconds before the paid tiers say anything."""

MATTERS = ["How do I reset my password?", "Does your Pro plan include API access, and how much is it?"]
MARK = "Ref. {}-{:02d}: {}"
TURNS = 10


def test_of_two_browsers_and_twenty_chats_nothing_crosses(site: Served, visit: Opened) -> None:
    with visit() as first, visit() as second:
        pages = {"A": first, "B": second}
        for page in pages.values():
            go(page, f"{site.url}/?kb=sample")
        asked: dict[str, list[str]] = {"A": [], "B": []}
        for turn in range(TURNS):
            for name, page in pages.items():  # both ask before either has its answer
                text = MARK.format(name, turn, MATTERS[(turn + (name == "B")) % 2])
                asked[name].append(text)
                ask(page, text)
            for page in pages.values():
                answered(page, turn + 1)
        for name, page in pages.items():
            page.reload()
            settled(page)
            _holds_its_own(page, asked[name], other="B" if name == "A" else "A")


def _holds_its_own(page: Page, asked: list[str], other: str) -> None:
    said = [text_of(turn) for turn in page.get_by_test_id("stChatMessage").all()]
    assert len(said) == 2 * len(asked)
    assert all(text in question for text, question in zip(asked, said[::2], strict=True))
    for question, answer in zip(said[::2], said[1::2], strict=True):
        assert ("$49" in answer) == ("Pro plan" in question)
        assert ("password" in answer.lower()) == ("password" in question)
        assert f"Ref. {other}-" not in question + answer


@pytest.fixture
def slow(browser: Browser, demo_home: Callable[[], Path]) -> Iterator[Served]:
    """The pages with paid tiers that take their time."""
    models = {CHEAP: Model(latency_s=SLOW, key=KEY), FRONTIER: Model(latency_s=SLOW, key=KEY)}
    with Simulator(models) as sim:
        tiers = tiers_at(sim.base_url, KEY, {"cheap": CHEAP, "frontier": FRONTIER})
        with served(demo_home(), settings=tiers) as running:
            running.wait_for_worker()
            yield running


def test_a_worker_that_is_killed_mid_answer_is_told_of_and_the_case_goes_on(slow: Served, page: Page) -> None:
    go(page, slow.url)
    ask(page, MATTERS[1])
    expect(page.get_by_text("retriever", exact=True).first).to_be_visible()  # the writer waits for its model now
    slow.kill_workers()
    expect(page.get_by_text("worker", exact=False).filter(has_text="ended").first).to_be_visible()
    until(lambda: bool(slow.worker_pids()), "no other worker came up")
    answered(page, 1)
    expect(page.get_by_role("button", name="Source 1").first).to_be_visible()
