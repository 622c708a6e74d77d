"""Every page, light and dark, by keyboard and on small screens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser import chromium
from tests.browser.chromium import Sizes, go, overflow, settled
from tests.browser.conftest import Opened
from tests.browser.served import Served

PAGES = ("", "drafts", "handoffs", "knowledge", "reliability", "costs", "settings")
NAMES = [path or "chat" for path in PAGES]

STREAMLITS_OWN = {"list", "listitem"}
"""Rules that Streamlit's own list of pages, and nothing else, may break: its `ul` has headings among its entries."""
ITS_LIST = "[data-testid=stSidebarNavItems]"


def violations(page: Page) -> list[str]:
    """What axe-core finds, without Streamlit's own finding."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:300]}"
        for rule in found
        for node in rule["nodes"]
        if not (rule["id"] in STREAMLITS_OWN and _in_its_list(page, node["target"]))
    ]


def _in_its_list(page: Page, target: list[Any]) -> bool:
    inside = "([target, list]) => !!document.querySelector(target)?.closest(list)"
    return len(target) == 1 and bool(page.evaluate(inside, [target[0], ITS_LIST]))


@pytest.fixture(scope="module", params=PAGES, ids=NAMES)
def shown(request: pytest.FixtureRequest, site: Served, browser: Browser) -> Iterator[Page]:
    """A page, light, opened once for all that is looked at in it."""
    with chromium.opened(browser) as page:
        go(page, f"{site.url}/{request.param}")
        yield page


def test_no_violation_of_ours(shown: Page) -> None:
    assert violations(shown) == []


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_no_violation_of_ours_in_the_dark(site: Served, visit: Opened, path: str) -> None:
    with visit(scheme="dark") as page:
        go(page, f"{site.url}/{path}")
        assert violations(page) == []


def test_nothing_is_wider_than_the_window(shown: Page) -> None:
    for width, height in reversed(Sizes.items()):  # ends as wide as it was
        shown.set_viewport_size({"width": width, "height": height})
        settled(shown)
        assert overflow(shown) <= 0, width


# --- by keyboard alone -----------------------------------------------------------------------------------

REACHABLE = """() => {
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll('*')) {
      if (one.shadowRoot) look(one.shadowRoot);
      if (one.matches('a[href], button, input, textarea, select, summary, [tabindex]')) found.push(one);
    }
  };
  look(document);
  const grouped = ['radio', 'tab', 'row', 'gridcell'];  // reached by arrows within their group
  return found.filter((one) => one.tabIndex >= 0 && !one.disabled
    && one.type !== 'radio' && !one.matches('[role=toolbar] :not(:first-child)')
    && !grouped.includes(one.getAttribute('role'))
    && one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && one.getClientRects().length
    && !one.closest('[inert], [aria-hidden=true]') && one.getBoundingClientRect().width > 1);
}"""

FOCUSED = """() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  return one;
}"""

LOOKS = """(one) => {
  // What shows the focus may be the element itself or the box that it fills.
  const seen = [];
  for (let box = one, up = 0; box && up < 4; box = box.parentElement, up++) {
    const style = getComputedStyle(box);
    seen.push([style.outlineStyle, style.outlineColor, style.outlineWidth, style.boxShadow, style.borderTopColor,
      style.backgroundColor, style.textDecorationLine, getComputedStyle(box, '::after').boxShadow].join());
  }
  return seen.join('|');
}"""

NAME = "(one) => (one.getAttribute('aria-label') || one.innerText || one.outerHTML).trim().slice(0, 120)"

KEYS = f"""() => {{
  const reachable = ({REACHABLE})(), focused = {FOCUSED}, looks = {LOOKS}, name = {NAME};
  window.keys = {{ reachable, visited: [], note() {{
    // Nothing has the focus at the end, and where a copy button has gone before it could get it.
    const one = focused();
    if (!one || one === document.body) return true;
    if (one === this.visited[0]?.[0]) return false;
    this.visited.push([one, looks(one)]);
    return true;
  }}, unreached() {{
    const seen = new Set(this.visited.map(([one]) => one));
    return this.reachable.filter((one) => one.isConnected && !seen.has(one)).map(name);
  }}, unseen() {{
    focused()?.blur();
    // A table draws its focus on a canvas; the page itself, which can be scrolled, is Streamlit's own.
    const shown = ([one, then]) => looks(one) !== then || one.matches('canvas, main');
    return this.visited.filter((one) => one[0].isConnected && !shown(one)).map(([one]) => name(one));
  }} }};
  return reachable.length;
}}"""


def test_tab_reaches_everything_and_shows_where_it_is(shown: Page) -> None:
    shown.add_style_tag(content="* { transition: none !important; animation: none !important }")
    shown.evaluate("document.activeElement?.blur()")
    shown.evaluate(KEYS)
    for _ in range(500):  # a table has a stop for each cell of a row
        shown.keyboard.press("Tab")
        if not shown.evaluate("window.keys.note()"):
            break
    assert shown.evaluate("window.keys.unreached()") == []
    assert shown.evaluate("window.keys.unseen()") == []
