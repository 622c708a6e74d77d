"""A home with the sample and the demo's cases, `opsdesk ui` over it, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from tests.browser.served import Served, opsdesk, served

Opened = Callable[..., AbstractContextManager[Page]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium.PROGRAM is None:
        pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        found = chromium.launch(playwright)
        yield found
        found.close()


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Callable[[], Path]:
    """Makes an empty home that shares the run's embedding model."""

    def made() -> Path:
        home = tmp_path_factory.mktemp("home")
        home.chmod(0o700)
        (home / "models").symlink_to(model_cache, target_is_directory=True)
        return home

    return made


@pytest.fixture(scope="session")
def demo_home(browser: Browser, new_home: Callable[[], Path]) -> Callable[[], Path]:
    """Makes a home as the demo leaves it: the sample indexed, and 25 cases of every outcome but a failure."""
    first = new_home()
    opsdesk(first, "demo")

    def copied() -> Path:
        home = new_home()
        shutil.copytree(first, home, ignore=shutil.ignore_patterns("models"), dirs_exist_ok=True)
        return home

    return copied


@pytest.fixture(scope="session")
def site(demo_home: Callable[[], Path]) -> Iterator[Served]:
    """The pages over the demo's home, for tests that do not mind what others have asked there."""
    with served(demo_home()) as running:
        running.wait_for_worker()
        yield running


@pytest.fixture
def visit(browser: Browser) -> Opened:
    """Opens pages: `with visit(width=390, scheme="dark") as page`."""

    def opening(**options: Any) -> AbstractContextManager[Page]:
        return chromium.opened(browser, **options)

    return opening


@pytest.fixture
def page(visit: Opened) -> Iterator[Page]:
    """One page, light, 1440 wide."""
    with visit() as found:
        yield found
