"""Pages of their own, opened as files: gone through by keyboard and slider, read without a script, accessible."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from opsdesk.export import page_html
from opsdesk.export_diff import diff_html
from tests.browser.chromium import Scheme, opened, overflow
from tests.browser.test_accessibility import violations
from tests.hostile import HOSTILE
from tests.opsdesk.test_diff import hostile_run, run_of


def written(folder: Path, html: str) -> str:
    file = folder / "page.html"
    file.write_text(html, encoding="utf-8")
    return file.as_uri()


def test_a_run_is_gone_through_by_arrows_slider_and_rows(browser: Browser, tmp_path: Path) -> None:
    url = written(tmp_path, page_html(run_of()))
    with opened(browser) as page:
        page.goto(url)
        steps, told = page.locator(".step"), page.locator(".controls output")
        expect(steps.nth(0)).to_be_visible()
        assert [step.is_visible() for step in steps.all()] == [True, False, False, False]
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(told).to_have_text("Step 3 of 4 · Draft answer")
        assert [step.is_visible() for step in steps.all()] == [False, False, True, False]
        page.keyboard.press("ArrowLeft")
        expect(told).to_have_text("Step 2 of 4 · Retrieve evidence")
        page.locator(".controls input").focus()
        page.keyboard.press("End")
        expect(told).to_have_text("Step 4 of 4 · Verify grounding")
        expect(page.get_by_label("Step on")).to_be_disabled()
        page.locator("[data-step='1']").click()
        expect(told).to_have_text("Step 1 of 4 · Route request")
        assert page.locator(".row.later").count() == 3
        page.goto(f"{url}#step-3")
        page.reload()
        expect(told).to_have_text("Step 3 of 4 · Draft answer")


def test_without_javascript_every_step_stands_there(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, java_script_enabled=False) as page:
        page.goto(written(tmp_path, page_html(run_of())))
        assert all(step.is_visible() for step in page.locator(".step").all())
        assert not page.locator(".controls").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("pages", ["one", "two"])
def test_they_are_accessible_and_no_wider_than_the_window(
    browser: Browser, tmp_path: Path, scheme: Scheme, pages: str
) -> None:
    html = page_html(run_of()) if pages == "one" else diff_html(run_of(), run_of("cheap", sentence="It costs $6."))
    for width in (1440, 390):
        with opened(browser, width=width, scheme=scheme) as page:
            page.goto(written(tmp_path, html))
            assert overflow(page) <= 0
            assert violations(page) == []


def test_hostile_texts_run_and_load_nothing(browser: Browser, tmp_path: Path) -> None:
    every = "\n".join(text[:3_000] for text in HOSTILE.values())
    for html in (page_html(hostile_run(every)), diff_html(hostile_run(every), hostile_run(every[::-1]))):
        with opened(browser, width=390) as page:
            page.goto(written(tmp_path, html))
            assert page.evaluate("window.pwned") is None
            assert page.locator("img, iframe, a, form, object, embed, link, base, video, svg").count() == 0
            assert overflow(page) <= 0
