"""Pictures of the pages, taken in a real browser over a real run: the README's, or with --all every state of each.

The paid tiers are the simulator's, at list prices; its cheap model makes mistakes, so that runs are sent back and
escalated. States with --all: empty, normal, busy (slow models, a sync, a batch at work) and failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.bench import nano_prices
from opsdesk.demo import DOCS, tickets
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case, Ticket
from tasks.conversations import Conversations
from tasks.drafts import Drafts
from tasks.requests import Requests
from tests.browser import chromium
from tests.browser.served import Served, now, served, tiers_at, until
from tests.simulator import Model, Simulator

README = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
KEY = "sk-simulated-0123456789"
MODELS = {"cheap": "gpt-6-luna", "mid": "gpt-6.1-terra", "frontier": "gpt-6.1-sol"}
PRO = "Does your Pro plan include API access, and how much is it?"
State = Literal["empty", "normal", "busy", "failed"]
BIG = 3_000
"""Pages of the folder that is being indexed while the knowledge base is busy."""


class Shot(NamedTuple):
    """One picture: its name, the address, what is done there before it is taken."""

    name: str
    path: str
    before: Callable[[Page], None] = lambda _: None


def main() -> None:
    """Takes the README's pictures, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page and state, light, dark, wide and narrow")
    options = parser.parse_args()
    if chromium.PROGRAM is None:
        sys.exit(chromium.MISSING)
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = chromium.launch(playwright)
        if options.all:
            take_all(browser, options.all, Path(folder))
        else:
            for_the_readme(browser, README, Path(folder))
        browser.close()


def for_the_readme(browser: Browser, folder: Path, home: Path) -> None:
    """The pictures that README.md and docs/pages.md show."""
    with busy_desk(home) as (site, _):
        for shot in normal(site, told(site)):
            if shot.name in ("chat", "handoffs"):
                take(browser, site, shot, folder / f"{shot.name}.png")


def take_all(browser: Browser, folder: Path, homes: Path) -> None:
    """Every page in every state."""
    nothing = homes / "empty"
    nothing.mkdir(mode=0o700)
    with served(nothing, "--no-worker") as site:
        pages = ("chat", "drafts", "handoffs", "knowledge", "reliability", "costs", "settings")
        take_state(browser, site, "empty", [Shot(name, "" if name == "chat" else name) for name in pages], folder)
    home = homes / "work"
    home.mkdir(mode=0o700)
    with busy_desk(home) as (site, sim):
        story = told(site)
        take_state(browser, site, "normal", normal(site, story), folder)
        take_state(browser, site, "failed", failed(site, sim), folder)
        take_state(browser, site, "busy", busy(site, sim, homes / "big"), folder)


def take_state(browser: Browser, site: Served, state: State, shots: list[Shot], folder: Path) -> None:
    """Each picture of a state: light and dark, wide and narrow."""
    schemes: tuple[chromium.Scheme, ...] = ("light", "dark")
    for shot in shots:
        for scheme in schemes:
            for width in (1440, 390):
                take(browser, site, shot, folder / f"{shot.name}_{state}_{scheme}_{width}.png", scheme, width)


def take(
    browser: Browser, site: Served, shot: Shot, file: Path, scheme: chromium.Scheme = "light", width: int = 1440
) -> None:
    """Takes one picture."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with chromium.opened(browser, width=width, scheme=scheme, strict=False) as page:
        page.goto(f"{site.url}/{shot.path}")
        page.wait_for_selector(chromium.DRAWN)
        page.wait_for_timeout(2_000)  # what is busy never comes to rest
        shot.before(page)
        page.wait_for_timeout(500)
        page.screenshot(path=file)


# --- what the pictures are of ------------------------------------------------------------------------------


@contextmanager
def busy_desk(home: Path) -> Iterator[tuple[Served, Simulator]]:
    """The pages over the sample, with three paid tiers."""
    Desk(Settings(home=home)).index([DOCS], "sample")
    models = {
        MODELS["cheap"]: Model(price=nano_prices(MODELS["cheap"]), key=KEY, latency_s=0.4, wrong=0.8, wrong_again=0.6),
        MODELS["mid"]: Model(price=nano_prices(MODELS["mid"]), key=KEY, latency_s=0.6, wrong=0.3),
        MODELS["frontier"]: Model(price=nano_prices(MODELS["frontier"]), key=KEY, latency_s=0.9),
    }
    with Simulator(models) as sim, served(home, settings=tiers_at(sim.base_url, KEY, MODELS)) as site:
        site.wait_for_worker()
        yield site, sim


class Story(NamedTuple):
    """What has happened: a conversation, a batch, and the run that has most to show."""

    conversation: str
    batch: str
    run: str


def told(site: Served) -> Story:
    """Has the sample's tickets worked, as questions and as a batch."""
    requests = Requests(site.desk.task_list.database, now)
    conversation = asked(site, PRO)
    for ticket in tickets():
        requests.leave("ask", {"ticket": ticket.model_dump(mode="json")}, kb="sample")
    batch = Drafts(site.desk.task_list.database, now).make(
        "October.csv", "sample", [(ticket, "") for ticket in tickets()], budget_nano=5 * 10**9
    )
    done(site, 300)
    return Story(
        conversation, batch, max(site.desk.task_list.latest("sample", 50), key=lambda c: steps(site, c)).case_id
    )


def steps(site: Served, case: Case) -> tuple[bool, int]:
    """How much a run has to show: whether it was escalated and came through, and in how many steps."""
    handoffs = site.desk.case(case.case_id).handoffs
    writers = {handoff.tier for handoff in handoffs if handoff.task == "write"}
    return len(writers) > 1 and case.outcome == "accepted", len(handoffs)


def asked(site: Served, text: str, kb: str = "sample") -> str:
    """Asks in a conversation of its own and returns that one's id."""
    database = site.desk.task_list.database
    id_ = Conversations(database, now).begin("", text, kb)
    body = {"ticket": Ticket(text=text).model_dump(mode="json")}
    Requests(database, now).leave("ask", body, kb=kb, conversation_id=id_)
    return id_


def done(site: Served, seconds: float) -> None:
    """Waits until nothing is left to do."""
    database = site.desk.task_list.database
    requests, drafts = Requests(database, now), Drafts(database, now)

    def idle() -> bool:
        running = any(batch.state == "running" for batch, _ in drafts.batches())
        return not running and not any(r.is_open for r in requests.latest(["ask", "index", "check_tiers"], limit=200))

    until(idle, "the worker is not done", seconds, every=0.5)


def normal(site: Served, story: Story) -> list[Shot]:
    """Everything has gone well."""

    def cite(page: Page) -> None:
        page.get_by_role("button", name="Source 1").first.click()

    def search(page: Page) -> None:
        page.get_by_role("radio", name="Try a search").click()
        page.get_by_label("Query").fill("How much is Pro?")
        page.keyboard.press("Enter")
        page.wait_for_timeout(3_000)

    return [
        Shot("chat", f"?c={story.conversation}", cite),
        Shot("chat_new", ""),
        Shot("drafts", f"drafts?batch={story.batch}"),
        Shot("drafts_list", "drafts"),
        Shot("handoffs", f"handoffs?run={story.run}"),
        Shot("knowledge", "knowledge"),
        Shot("knowledge_search", "knowledge", search),
        Shot("reliability", "reliability"),
        Shot("costs", "costs"),
        Shot("settings", "settings"),
    ]


def failed(site: Served, sim: Simulator) -> list[Shot]:
    """The paid models are down, a cap is reached, a knowledge base and a folder are not there."""
    database = site.desk.task_list.database
    requests, drafts = Requests(database, now), Drafts(database, now)
    for model in MODELS.values():
        sim.set(model, always="500", latency_s=0.0)
    gone = asked(site, PRO, kb="gone")
    requests.leave("index", {"paths": ["/srv/not-there"]}, kb="sample")
    requests.leave("check_tiers", {})
    rows = [(ticket, "" if n else "line 2: the text is empty") for n, ticket in enumerate(tickets())]
    batch = drafts.make("November.csv", "sample", rows, budget_nano=1)
    run = asked(site, PRO)
    until(lambda: not any(r.is_open for r in requests.latest(["ask", "index", "check_tiers"])), "still open", 120)
    request = requests.of_conversation(run)[0]
    return [
        Shot("chat", f"?c={gone}"),
        Shot("chat_models", f"?c={run}"),
        Shot("drafts", f"drafts?batch={batch}"),
        Shot("handoffs", f"handoffs?run={request.case_id}"),
        Shot("knowledge", "knowledge?kb=sample"),
        Shot("settings", "settings"),
    ]


def busy(site: Served, sim: Simulator, folder: Path) -> list[Shot]:
    """Everything is at work: the models take half a minute and more."""
    database = site.desk.task_list.database
    for model in MODELS.values():
        sim.set(model, always="", latency_s=35.0)
    folder.mkdir()
    for number in range(BIG):
        text = f"# Page {number}\n\nRoom {number} is cleaned on day {number % 7}.\n"
        (folder / f"{number}.md").write_text(text, encoding="utf-8")
    conversation = asked(site, PRO)
    request = Requests(database, now).of_conversation(conversation)[0]
    Requests(database, now).leave("index", {"paths": [str(folder)]}, kb="sample")
    batch = Drafts(database, now).make("December.csv", "sample", [(t, "") for t in tickets() * 4], budget_nano=10**9)
    return [
        Shot("knowledge", "knowledge?kb=sample"),  # first: it is done soonest
        Shot("chat", f"?c={conversation}"),
        Shot("handoffs", f"handoffs?run={request.case_id}"),
        Shot("drafts", f"drafts?batch={batch}"),
    ]


if __name__ == "__main__":
    main()
