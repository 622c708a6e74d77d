"""How long a person waits for the pages, in a real browser, and what they cost while nobody does anything.

Milliseconds, but for the last rows. "cold" begins a server process of its own each time; a page is "drawn" when its
heading, and for the large ones all of it, can be read. An event is seen in the chat so long after it ended in the crew.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.bench import show, with_model
from benchmarks.front_data import BATCH, LONG, fill
from opsdesk.demo import DOCS
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tests.browser import chromium
from tests.browser.served import Served, served
from tests.browser.steps import answered, ask

Rows = dict[str, dict[str, float]]

TIMES = 5
IDLE_SECONDS = 30.0
QUESTIONS = ["How do I reset my password?", "Does your Pro plan include API access, and how much is it?"]

PAGES = {
    "": "Ask",
    "drafts": "Ticket drafts",
    "handoffs": "Handoffs",
    "knowledge": "Knowledge base",
    "reliability": "Reliability",
    "costs": "Costs",
    "settings": "Settings",
}

HEADING = "[...document.querySelectorAll('h1')].some((one) => one.innerText.trim().startsWith(title))"
AT_REST = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"

LARGE = {
    "handoffs": (f"run={LONG}", "[role=treegrid] [role=row]:nth-of-type(20)", "ArrowDown"),
    "drafts": (f"batch={BATCH}", "[data-testid=stDataFrame] canvas", "j"),
    "costs": ("period=All+time", "[data-testid=stVegaLiteChart] :is(canvas, svg)", ""),
    "reliability": ("period=All+time", "[data-testid=stVegaLiteChart] :is(canvas, svg)", ""),
}
"""The large pages: what is asked of them, what is drawn last, and the key that leads on; figures are gone to anew."""

PAINTED = f"""(title) => {{
  const look = () => {{
    if ({HEADING}) window.painted = performance.now();
    else requestAnimationFrame(look);
  }};
  look();
}}"""

SWITCH = f"""async ([path, title]) => {{
  const links = [...document.querySelectorAll('[data-testid=stSidebarNavLink]')];
  const began = performance.now();
  links.find((one) => new URL(one.href).pathname === '/' + path).click();
  const until = (true_) => new Promise((done) => {{
    const look = () => true_() ? done(performance.now() - began) : requestAnimationFrame(look);
    look();
  }});
  const headed = await until(() => {HEADING});
  return [headed, await until(() => {AT_REST})];
}}"""

EVENTS = """() => {
  const agents = ['router', 'retriever', 'writer', 'verifier'];
  window.events = [];
  new MutationObserver(() => {
    const turn = [...document.querySelectorAll('[data-testid=stChatMessage]')].at(-1);
    if (!turn?.innerText.includes('Stop')) return;  // the crew is not at work
    const steps = [...turn.querySelectorAll('.stMarkdownBadge')].filter((one) => agents.includes(one.innerText.trim()));
    while (window.events.length < steps.length) window.events.push(Date.now());
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def main() -> None:
    """Prints a figure of each, beside its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--times", type=int, default=TIMES, help="how often each is measured")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--drafts", type=int, default=10_000)
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds over which an idle page is watched")
    options = parser.parse_args()
    if chromium.PROGRAM is None:
        sys.exit(chromium.MISSING)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = with_model(Path(folder))
        Desk(Settings(home=home)).index([DOCS], "sample")
        browser = chromium.launch(playwright)
        rows = first_paint(browser, home, options.times)
        with served(home) as site:
            site.wait_for_worker()
            rows |= events(browser, site, options.times)
            rows |= switches(browser, site, options.times)
            rows |= idle(browser, site, options.idle)
        rows |= large(browser, home, options.times, options.cases, options.drafts)
        browser.close()
    show(rows, options.json, "milliseconds")


def first_paint(browser: Browser, home: Path, times: int) -> Rows:
    """From the start of the navigation until the chat can be read; the server has just been started."""
    found = []
    for _ in range(times):
        with served(home, "--no-worker") as site, page_of(browser) as page:
            page.add_init_script(f"({PAINTED})('Ask')")
            page.goto(site.url)
            page.wait_for_function("window.painted")
            found.append(float(page.evaluate("window.painted")))
    return {"first paint, cold": row(found, 1_500)}


def switches(browser: Browser, site: Served, times: int) -> Rows:
    """From a click in the navigation until the page's heading can be read."""
    found: dict[str, list[float]] = {path: [] for path in PAGES}
    with page_of(browser) as page:
        chromium.go(page, f"{site.url}/settings")
        for _ in range(times):
            for path, title in PAGES.items():
                found[path].append(page.evaluate(SWITCH, [path, title])[0])
                chromium.settled(page)
    return {f"page switch: {PAGES[path]}": row(times_, 500) for path, times_ in found.items()}


def events(browser: Browser, site: Served, times: int) -> Rows:
    """From the end of a step in the crew until it stands in the chat."""
    late: list[float] = []
    with page_of(browser) as page:
        chromium.go(page, site.url)
        for turn in range(times + 1):
            page.evaluate(EVENTS)
            ask(page, QUESTIONS[turn % 2])
            answered(page, turn + 1)  # the first of all waits for the crew to be loaded
            case = site.desk.task_list.latest("sample", 1)[0]
            ended = [h.started_at.timestamp() + h.seconds for h in site.desk.case(case.case_id).handoffs]
            seen = page.evaluate("window.events")
            if turn:
                late += [at - 1000 * end for at, end in zip(seen, ended, strict=False)]
    return {"event seen in the chat": row(late, 150)}


def idle(browser: Browser, site: Served, seconds: float) -> Rows:
    """Processor time of the server and its worker while a page is open and nobody does anything."""
    pids = {"server": site.process.pid, "worker": site.worker_pids()[0]}
    with page_of(browser) as page:
        chromium.go(page, site.url)
        time.sleep(3)
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        time.sleep(seconds)
        shares = {name: 100 * (cpu_seconds(pid) - before[name]) / seconds for name, pid in pids.items()}
    rows = {f"idle, % of a core: {name}": {"median": share} for name, share in shares.items()}
    return {**rows, "idle, % of a core: both": {"median": sum(shares.values()), "target": 3}}


def large(browser: Browser, home: Path, times: int, cases: int, drafts: int) -> Rows:
    """Pages over a great deal, until each is drawn to its end: at its address, and at a step on from there."""
    desk = Desk(Settings(home=home))
    fill(desk.task_list.database, cases, drafts)
    names = {
        "handoffs": f"Handoffs, {len(desk.case(LONG).handoffs)} steps",
        "drafts": f"Drafts, {drafts:,} rows",
        "costs": f"Costs, {cases:,} cases",
        "reliability": f"Reliability, {cases:,} cases",
    }
    opened: dict[str, list[float]] = {path: [] for path in names}
    moved: dict[str, list[float]] = {path: [] for path in names}
    with served(home, "--no-worker") as site, page_of(browser) as page:
        for _ in range(times):
            for path, (query, drawn, key) in LARGE.items():
                opened[path].append(_opened(page, f"{site.url}/{path}?{query}", drawn))
                moved[path].append(_moved(page, key) if key else _returned(page, path))
    found = {f"{names[path]}: its address": row(spent, 1_000) for path, spent in opened.items()}
    return found | {f"{names[path]}: a step on": row(spent, 1_000) for path, spent in moved.items()}


def _opened(page: Page, url: str, drawn: str) -> float:
    """Opens an address in a browser that has been there before."""
    began = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(drawn)
    page.wait_for_function(AT_REST)
    return 1000 * (time.perf_counter() - began)


def _moved(page: Page, key: str) -> float:
    """Presses a key that leads to another part of the page, which is in the address then."""
    chromium.settled(page)
    if page.get_by_role("treegrid").count():
        page.locator("[role=treegrid] [role=row][tabindex='0']").focus()
    before, began = page.url, time.perf_counter()
    page.keyboard.press(key)
    page.wait_for_function("(before) => location.href !== before", arg=before)
    page.wait_for_function(AT_REST)
    return 1000 * (time.perf_counter() - began)


def _returned(page: Page, path: str) -> float:
    """Goes to another page and comes back."""
    for to in ("settings", path):
        chromium.settled(page)
        spent = page.evaluate(SWITCH, [to, PAGES[to]])
    return float(spent[1])


@contextmanager
def page_of(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own, at which nothing is asserted."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(chromium.WAIT_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(found: list[float], target: float) -> dict[str, float]:
    """Median and longest of some milliseconds, beside their target."""
    return {"median": statistics.median(found), "longest": max(found), "target": target}


if __name__ == "__main__":
    main()
