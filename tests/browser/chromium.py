"""Debian's Chromium, watched: every request that leaves this machine and every fault of a page is kept."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, Request, expect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = "Chromium is not installed; apt-get install chromium"

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 60_000
"""The longest that is waited for something to be shown."""

Scheme = Literal["light", "dark"]
Sizes = {1440: 900, 1024: 768, 390: 844}
"""Widths of windows, with their heights."""

DRAWN = "#stMain :is(h1, [data-testid=stText]) >> visible=true"
"""The first words of a page."""

_PROBE = re.compile(r"/[a-z]+/_stcore/(health|host-config)$")
"""Where Streamlit looks below a page's address whether it is served from there; it goes on when it is not."""

_APP = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"


_TEXT = """(root) => {
  const found = [root.innerText];
  const look = (below) => {
    for (const one of below.querySelectorAll('*')) {
      if (!one.shadowRoot) continue;
      for (const child of one.shadowRoot.children) found.push(child.innerText ?? '');
      look(one.shadowRoot);
    }
  };
  look(root);
  return found.join('\\n');
}"""


class Seen:
    """What happened behind a page."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("request", self._request)
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._console)

    @property
    def foreign(self) -> list[str]:
        """Requests to anything but this machine."""
        return [url for url in self.requests if not _is_here(url)]

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _PROBE.search(message.location.get("url", "")):
            self.faults.append(f"{message.text} ({message.location.get('url', '')})")


def launch(playwright: Playwright) -> Browser:
    """Starts Chromium."""
    expect.set_options(timeout=WAIT_MS)
    return playwright.chromium.launch(executable_path=PROGRAM, args=ARGUMENTS)


@contextmanager
def opened(
    browser: Browser, *, width: int = 1440, scheme: Scheme = "light", strict: bool = True, **options: Any
) -> Iterator[Page]:
    """A page in a profile of its own. At its end: nothing was asked of another machine, and nothing went wrong."""
    context = browser.new_context(
        viewport={"width": width, "height": Sizes[width]},
        color_scheme=scheme,
        reduced_motion="reduce",
        accept_downloads=True,
        **options,
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    seen = Seen(page)
    try:
        yield page
        assert seen.foreign == []
        assert not strict or seen.faults == []
    finally:
        context.close()


def go(page: Page, url: str) -> None:
    """Opens an address and waits until the page is drawn."""
    page.goto(url)
    settled(page)


def settled(page: Page) -> None:
    """Returns once Streamlit has nothing more to run and to draw."""
    page.wait_for_selector(_APP, state="attached")
    # A click sends its run a moment later; what is still as it was after two looks has come to rest.
    page.wait_for_timeout(120)
    page.wait_for_selector(_APP, state="attached")
    page.wait_for_function("!document.querySelector('[data-stale=true], [data-testid=stSkeleton]')")


def overflow(page: Page) -> int:
    """CSS pixels by which the page is wider than its window."""
    return int(page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth"))


def text_of(place: Page | Locator) -> str:
    """All that can be read in a page, or in a part of one, our own components included."""
    root = place.locator("body") if isinstance(place, Page) else place
    return str(root.evaluate(_TEXT))


def _is_here(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob", "about", "file") or parts.hostname in ("127.0.0.1", "localhost", "::1")
