"""What people come for, in a real browser over a real worker."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.chromium import go, settled
from tests.browser.served import Served
from tests.browser.steps import ask

PRO = "Does your Pro plan include API access, and how much is it?"


def test_ask_then_open_a_citation_then_the_handoffs(site: Served, page: Page) -> None:
    go(page, site.url)
    ask(page, PRO)
    expect(page.get_by_text("router", exact=True).first).to_be_visible()  # a step, while the crew is at work
    chip = page.get_by_role("button", name="Source 1").first
    chip.click()
    passage = page.get_by_role("region", name="Passage 1")
    expect(passage.locator("mark").first).to_contain_text("API access with 50,000 calls a month")
    settled(page)
