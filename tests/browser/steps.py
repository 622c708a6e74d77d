"""What people do on the pages, step by step."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.chromium import settled

INPUT = "Ask a question or paste a ticket"


def ask(page: Page, text: str) -> None:
    """Types a question into the chat and sends it."""
    page.get_by_placeholder(INPUT).fill(text)
    page.keyboard.press("Enter")


def answered(page: Page, turns: int = 1) -> None:
    """Waits until so many turns of the conversation have their answer, and the page has come to rest."""
    expect(page.get_by_role("link", name="Handoffs", exact=False).filter(visible=True)).to_have_count(turns + 1)
    settled(page)
