"""Whatever a ticket, a document, an answer or a name says: it is shown as text and is nothing else.

Each page is drawn twice, of the hostile texts and of plain words in their place. Whatever the former have made of
themselves, an image, a link, a badge, a heading, would be an element that the latter do not have.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from opsdesk import export
from opsdesk.desk import Desk
from opsdesk.display import visible
from opsdesk.settings import Settings
from tasks.requests import Requests
from tests.browser.chromium import go, overflow, settled, text_of
from tests.browser.hostility import batch, conversation, documents
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
      // A box is told by what Streamlit calls it: its badges, coloured words, icons and formulas are boxes with names.
      const box = ['div', 'span'].includes(one.localName);
      const called = one.dataset.testid ?? [...one.classList].find((name) => /^(st[A-Z]|katex)/.test(name)) ?? '';
      const kind = box ? called : one.localName;
      if (['stText', 'stElementContainer'].includes(kind)) continue;  // plain text, in as many lines as it has
      if (kind) counts[kind] = (counts[kind] ?? 0) + 1;
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
        found[f"{name} batch"] = batch(desk, model, texts, name)
    found["named"] = [conversation(desk, model, [text[:80]], text)[0] for text in TEXTS[::6]]
    for text in TEXTS[::6]:
        batch(desk, model, [text], text)
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
    give_up = time.monotonic() + 10  # a page that was just opened may still be drawn
    while True:
        shown = squeezed(text_of(page))
        missing = [name for name, text in HOSTILE.items() if text in (texts or []) and squeezed(text) not in shown]
        if not missing or time.monotonic() > give_up:
            break
        page.wait_for_timeout(100)
    assert missing == []


def elements(page: Page, address: str, prepare: Callable[[Page], None] = lambda _: None) -> dict[str, int]:
    """Leaves `page` at that address, and returns how many elements of each kind it has there."""
    go(page, address)
    prepare(page)
    settled(page)
    return dict(page.evaluate(ELEMENTS))


def all_turns(page: Page) -> None:
    page.get_by_role("button", name="earlier").click()
    expect(page.get_by_test_id("stChatMessage")).to_have_count(2 * len(TEXTS), timeout=60_000)


def addresses(seeded: dict[str, Any], path: str) -> tuple[str, str]:
    """A page over what is plain, and over what is hostile."""
    return (f"{seeded['site'].url}/{path.format('plain')}", f"{seeded['site'].url}/{path.format('hostile')}")


def chats(seeded: dict[str, Any]) -> tuple[str, str]:
    return (f"{seeded['site'].url}/?c={seeded['plain'][0]}", f"{seeded['site'].url}/?c={seeded['hostile'][0]}")


def test_questions_and_answers_passages_and_proofs(seeded: dict[str, Any], page: Page) -> None:
    def click(buttons: str) -> dict[str, int]:
        page.get_by_role("button", name=buttons).evaluate_all("(all) => all.forEach((one) => one.click())")
        return dict(page.evaluate(ELEMENTS))

    def opened(address: str) -> list[dict[str, int]]:
        drawn = elements(page, address, all_turns)
        expect(page.get_by_role("button", name="Proof:")).to_have_count(len(TEXTS))  # every answer is there
        return [drawn, click("Source 1:"), click("Proof:")]

    plain, hostile = chats(seeded)
    before = opened(plain)
    assert opened(hostile) == before
    check(page, texts=TEXTS)


def test_names_of_conversations(seeded: dict[str, Any], page: Page) -> None:
    for id_ in seeded["named"]:
        go(page, f"{seeded['site'].url}/?c={id_}")
        check(page)


def test_examples_made_of_headings(seeded: dict[str, Any], page: Page) -> None:
    for address in addresses(seeded, "?kb={}"):
        go(page, address)
        check(page)


def test_documents_and_what_was_skipped(seeded: dict[str, Any], page: Page) -> None:
    def skipped(page: Page) -> None:
        page.get_by_text("skipped, and why").click()

    plain, hostile = addresses(seeded, "knowledge?kb={}")
    assert elements(page, plain, skipped) == elements(page, hostile, skipped)
    check(page)


@pytest.mark.parametrize("view", ["Try a search", "Stale citations"])
def test_what_is_known(seeded: dict[str, Any], page: Page, view: str) -> None:
    def looked(page: Page) -> None:
        page.get_by_role("radio", name=view).click()
        if view == "Try a search":
            page.get_by_label("Query").fill("what is known about number 7")
            page.keyboard.press("Enter")
            expect(page.get_by_text("confident that these answer it")).to_be_visible()
        else:
            expect(page.get_by_text("No stale citations")).to_be_visible()

    plain, hostile = addresses(seeded, "knowledge?kb={}")
    assert elements(page, plain, looked) == elements(page, hostile, looked)
    check(page)


def test_handoffs(seeded: dict[str, Any], page: Page) -> None:
    address = f"{seeded['site'].url}/handoffs?run={{}}&step=4"
    before = elements(page, address.format(seeded["plain"][1][0]))
    for run, text in list(zip(seeded["hostile"][1], TEXTS, strict=True))[::5]:  # each is opened anew: seconds
        assert elements(page, address.format(run)) == before
        check(page, texts=[text])


@pytest.mark.parametrize("view", ["Sequence", "Table"])
def test_other_views_of_a_run(seeded: dict[str, Any], page: Page, view: str) -> None:
    def chosen(page: Page) -> None:
        page.get_by_role("radio", name=view).click()
        expect(page.get_by_test_id({"Sequence": "stMermaidChart", "Table": "stDataFrame"}[view])).to_be_visible()

    address = f"{seeded['site'].url}/handoffs?run={{}}"
    before = elements(page, address.format(seeded["plain"][1][0]), chosen)
    for run in seeded["hostile"][1][::14]:
        assert elements(page, address.format(run), chosen) == before
        check(page)


def test_two_runs_beside_each_other(seeded: dict[str, Any], page: Page) -> None:
    address = f"{seeded['site'].url}/handoffs?run={{}}&with={{}}"
    before = elements(page, address.format(*seeded["plain"][1][:2]))
    runs = seeded["hostile"][1]
    for one, other in zip(runs[::20], runs[1::20], strict=False):
        assert elements(page, address.format(one, other)) == before
        check(page)


def test_a_run_as_a_web_page_of_its_own(seeded: dict[str, Any], page: Page) -> None:
    desk = seeded["site"].desk
    for id_, text in list(zip(seeded["hostile"][1], TEXTS, strict=True))[::2]:
        page.set_content(export.page_html(desk.case(id_)))
        assert page.locator("script").count() == 1  # ours
        assert page.locator("img, iframe, a, form, object, embed, link, base, video, svg").count() == 0
        check(page, texts=[text])


def test_review_of_drafts(seeded: dict[str, Any], page: Page) -> None:
    url = seeded["site"].url
    go(page, f"{url}/drafts")
    check(page)
    before = elements(page, f"{url}/drafts?batch={seeded['plain batch']}&seq=1")
    go(page, f"{url}/drafts?batch={seeded['hostile batch']}&seq=1")
    for text in TEXTS:
        check(page, texts=[text])
        assert page.evaluate(ELEMENTS) == before
        page.keyboard.press("j")
        settled(page)


def test_a_hostile_draft_in_an_editor(seeded: dict[str, Any], page: Page) -> None:
    go(page, f"{seeded['site'].url}/drafts?batch={seeded['hostile batch']}&seq=1")
    page.keyboard.press("e")
    expect(page.get_by_role("textbox", name="Draft")).to_have_value(re.compile(re.escape(TEXTS[0])))
    check(page)


@pytest.mark.parametrize("path", ["costs", "reliability", "settings"])
def test_the_other_pages(seeded: dict[str, Any], page: Page, path: str) -> None:
    go(page, f"{seeded['site'].url}/{path}")
    check(page)
