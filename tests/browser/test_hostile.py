"""Whatever a ticket, a document, an answer or a name says: it is shown as text and is nothing else.

Each page is drawn twice, of the hostile texts and of plain words in their place. Whatever the former have made of
themselves, an image, a link, a badge, a heading, would be an element that the latter do not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from opsdesk.desk import Desk
from opsdesk.display import visible
from opsdesk.settings import Settings
from tasks.requests import Requests
from tests.browser.chromium import go, overflow, settled, text_of
from tests.browser.hostility import conversation, documents
from tests.browser.served import now, served, until
from tests.hostile import HOSTILE

TEXTS = list(HOSTILE.values())
PLAIN = [f"plain words number {number}" for number in range(len(TEXTS))]

ELEMENTS = """() => {
  // An answer's lists, code, bold words and the chips of its citations are made of its text: they load and run nothing.
  const free = new Set(['p', 'li', 'ul', 'ol', 'blockquote', 'pre', 'code', 'strong', 'mark', 'br']);
  const counts = {};
  const look = (root) => {
    for (const one of root.querySelectorAll('*')) {
      if (one.shadowRoot) look(one.shadowRoot);
      if (free.has(one.localName) || one.matches('button.chip, canvas *')) continue;  // a table draws on its canvas
      counts[one.localName] = (counts[one.localName] ?? 0) + 1;
    }
  };
  look(document.body);
  return counts;
}"""


@pytest.fixture(scope="module")
def seeded(demo_home: Callable[[], Path]) -> Iterator[dict[str, Any]]:
    """The pages over a home in which everything hostile exists, and everything plain beside it."""
    home = demo_home()
    desk = Desk(Settings(home=home))
    model = next(case for case in desk.task_list.latest("sample", 50) if len(case.claims) > 2)
    model = desk.case(model.case_id)
    found: dict[str, Any] = {}
    requests = Requests(desk.task_list.database, now)
    for name, texts in (("plain", PLAIN), ("hostile", TEXTS)):
        documents(home / name, texts)
        desk.index([home / name], name)
        requests.leave("index", {"paths": [str(home / name)]}, kb=name)
        found[name] = conversation(desk, model, texts, name)
    found["named"] = [conversation(desk, model, [text[:80]], text)[0] for text in TEXTS]
    with served(home) as site:
        until(lambda: not any(one.is_open for one in requests.latest(["index"])), "the documents were not synced")
        yield {**found, "site": site}


def squeezed(text: str) -> str:
    """As a browser shows it: one space for many, and our mark for what cannot be seen."""
    return " ".join(visible(text).split())


def check(page: Page, *, texts: list[str] | None = None) -> None:
    """Nothing ran, nothing is wider than the window, and the texts stand there as they were typed."""
    assert page.evaluate("window.pwned") is None
    assert overflow(page) <= 0
    shown = squeezed(text_of(page))
    missing = [name for name, text in HOSTILE.items() if text in (texts or []) and squeezed(text) not in shown]
    assert missing == []


def same_elements(page: Page, plain: str, hostile: str, prepare: Callable[[Page], None] = lambda _: None) -> None:
    """Leaves `page` at the hostile address, having held its elements against those of the plain one."""
    counts = []
    for address in (plain, hostile):
        go(page, address)
        prepare(page)
        settled(page)
        counts.append(page.evaluate(ELEMENTS))
    before, after = counts
    names = before.keys() | after.keys()
    differ = {name: (before.get(name, 0), after.get(name, 0)) for name in names if before.get(name) != after.get(name)}
    assert differ == {}


def all_turns(page: Page) -> None:
    page.get_by_role("button", name="earlier").click()
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2 * len(TEXTS), timeout=60_000)


def addresses(seeded: dict[str, Any], path: str) -> tuple[str, str]:
    """A page over what is plain, and over what is hostile."""
    return (f"{seeded['site'].url}/{path.format('plain')}", f"{seeded['site'].url}/{path.format('hostile')}")


def chats(seeded: dict[str, Any]) -> tuple[str, str]:
    return (f"{seeded['site'].url}/?c={seeded['plain'][0]}", f"{seeded['site'].url}/?c={seeded['hostile'][0]}")


def test_questions_and_answers(seeded: dict[str, Any], page: Page) -> None:
    same_elements(page, *chats(seeded), prepare=all_turns)
    check(page, texts=TEXTS)


def test_passages_and_proofs(seeded: dict[str, Any], page: Page) -> None:
    def opened(page: Page, buttons: str) -> None:
        all_turns(page)
        expect(page.get_by_role("button", name="Proof:")).to_have_count(len(TEXTS))  # every answer is there
        for button in page.get_by_role("button", name=buttons).all():
            button.evaluate("(one) => one.click()")

    for buttons in ("Source 1:", "Proof:"):
        same_elements(page, *chats(seeded), prepare=lambda page, buttons=buttons: opened(page, buttons))
        check(page, texts=TEXTS)


def test_names_of_conversations(seeded: dict[str, Any], page: Page) -> None:
    for id_ in seeded["named"][::6]:
        go(page, f"{seeded['site'].url}/?c={id_}")
        check(page)


def test_examples_made_of_headings(seeded: dict[str, Any], page: Page) -> None:
    for address in addresses(seeded, "?kb={}"):
        go(page, address)
        check(page)


def test_documents_and_what_was_skipped(seeded: dict[str, Any], page: Page) -> None:
    def skipped(page: Page) -> None:
        page.get_by_text("skipped, and why").click()

    same_elements(page, *addresses(seeded, "knowledge?kb={}"), prepare=skipped)
    check(page)


@pytest.mark.parametrize("view", ["Try a search", "Stale citations"])
def test_what_is_known(seeded: dict[str, Any], page: Page, view: str) -> None:
    def looked(page: Page) -> None:
        page.get_by_role("radio", name=view).click()
        if view == "Try a search":
            page.get_by_label("Query").fill("what is known about number 7")
            page.keyboard.press("Enter")
            expect(page.get_by_text("confident that these answer it")).to_be_visible()

    same_elements(page, *addresses(seeded, "knowledge?kb={}"), prepare=looked)
    check(page)
