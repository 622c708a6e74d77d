"""Sign-in with an identity provider: nothing is shown before, and each person has their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import go, settled, text_of
from tests.browser.conftest import Opened
from tests.browser.served import Served, free_port, served
from tests.browser.steps import answered, ask
from tests.identity import Provider

QUESTION = "How do I reset my password?"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def site(browser: Browser, demo_home: Callable[[], Path], provider: Provider) -> Iterator[Served]:
    """The pages of a home whose people sign in at the provider."""
    home, port = demo_home(), free_port()
    (home / ".streamlit").mkdir()
    (home / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{"x" * 40}"\n'
        f'client_id = "opsdesk"\nclient_secret = "not much of one"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    with served(home, port=port, settings={"OPSDESK_ALLOWED_EMAILS": "ann@example.com, @example.org"}) as running:
        running.wait_for_worker()
        yield running


def sign_in(page: Page, site: Served) -> None:
    go(page, site.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Ask")).to_be_visible()
    settled(page)


def test_before_sign_in_nothing_is_shown(site: Served, visit: Opened) -> None:
    case = site.desk.task_list.recent(1)[0]
    with visit() as page:
        for path in ("", f"handoffs?run={case.case_id}", "drafts", "costs", "settings", "knowledge"):
            page.goto(f"{site.url}/{path}")
            expect(page.get_by_role("button", name="Sign in")).to_be_visible()
            shown = text_of(page)
            assert "Handoffs" not in shown
            assert case.text[:20] not in shown


def test_each_person_has_conversations_of_their_own(site: Served, visit: Opened, provider: Provider) -> None:
    with visit() as ann:
        sign_in(ann, site)
        ask(ann, f"Ann asks: {QUESTION}")
        answered(ann)
        address = ann.url
        assert "?c=k-" in address
    provider.who = "bob@Example.org"
    with visit() as bob:
        sign_in(bob, site)
        assert "Ann asks" not in text_of(bob)
        go(bob, address)
        assert "no such conversation" in text_of(bob)
        assert "Ann asks" not in text_of(bob)


def turned_away(page: Page, site: Served) -> str:
    """What somebody reads who has signed in and may not enter."""
    go(page, site.url)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    settled(page)
    return text_of(page)


def test_an_account_that_nobody_named_is_turned_away(site: Served, visit: Opened, provider: Provider) -> None:
    provider.who = "eve@example.com"
    with visit() as page:
        shown = turned_away(page, site)
        assert "eve@example.com may not enter" in shown
        assert "Handoffs" not in shown
        page.goto(f"{site.url}/costs")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_an_address_that_is_not_verified_lets_nobody_in(site: Served, visit: Opened, provider: Provider) -> None:
    provider.says = {"email_verified": False}
    with visit() as page:
        shown = turned_away(page, site)
        assert "no verified e-mail address" in shown
        assert "Handoffs" not in shown
