"""What people come for, in a real browser over a real worker."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, expect

from opsdesk.demo import tickets
from tests.browser.chromium import go, settled
from tests.browser.served import Served
from tests.browser.steps import answered, ask

PRO = "Does your Pro plan include API access, and how much is it?"
ROWS = 30
RULE = "# Lost badges\n\nA lost badge is replaced by the front desk in building Q within 3 working days.\n"


def test_ask_then_open_a_citation_then_the_handoffs(site: Served, page: Page) -> None:
    go(page, site.url)
    ask(page, PRO)
    expect(page.get_by_text("router", exact=True).first).to_be_visible()  # a step, while the crew is at work
    answered(page)
    page.get_by_role("button", name="Source 1").first.click()
    passage = page.get_by_role("region", name="Passage 1")
    expect(passage.locator("mark").first).to_contain_text("API access with 50,000 calls a month")
    page.get_by_test_id("stChatMessage").last.get_by_role("link", name="Handoffs").click()
    expect(page.get_by_role("heading", name="Handoffs").first).to_be_visible()
    grid = page.get_by_role("treegrid")
    expect(grid.get_by_role("row").nth(2)).to_be_visible()
    expect(page).to_have_url(re.compile("run=c-"))
    grid.locator("[role=row][tabindex='0']").focus()
    chosen = grid.locator("[role=row][aria-selected=true]")
    before = chosen.inner_text()
    page.keyboard.press("ArrowDown")
    expect(chosen).not_to_have_text(before)
    expect(page).to_have_url(re.compile("step="))


def test_upload_thirty_tickets_then_review_by_keyboard_then_export(site: Served, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "june.csv"
    file.write_text(_csv(), encoding="utf-8")
    go(page, f"{site.url}/drafts?new=1")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    expect(page.get_by_text(f"{ROWS} tickets", exact=True).first).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text(f"{ROWS} of {ROWS}")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("Done", exact=True).first).to_be_visible()
    settled(page)
    accepted = _shown(page)
    _press(page, "a")
    edited = _shown(page)
    assert edited != accepted
    _press(page, "e")
    draft = page.get_by_role("textbox", name="Draft")
    draft.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("Dear all, ja: ")  # letters that are keys elsewhere
    assert draft.input_value().startswith("Dear all, ja: ")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 not supported by the documents")).to_be_visible()
    expect(page.get_by_role("button", name="Save anyway")).to_be_visible()
    _press(page, "Control+Enter")
    rejected = _shown(page)
    _press(page, "x")
    page.get_by_label("More, if it helps").fill("not for us")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Reject it").press("Enter")
    settled(page)
    skipped = _shown(page)
    _press(page, "j")
    assert _shown(page) not in (accepted, edited, rejected, skipped)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV for spreadsheets").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))
    assert len(rows) == ROWS
    assert [row["review"] for row in rows if row["review"]] == ["accepted", "edited", "rejected"]


def _csv() -> str:
    """Thirty tickets: the sample's, and the first of them again."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["id", "title", "description", "name"])
    known = tickets()
    for number, ticket in enumerate((known + known)[:ROWS]):
        rows.writerow([f"J-{number:02d}", ticket.subject, ticket.text, ticket.customer])
    return out.getvalue()


def _shown(page: Page) -> str:
    """The ticket in review, by its id."""
    text = page.get_by_text("J-", exact=False).filter(visible=True).first.inner_text()
    return text.split()[0]


def _press(page: Page, key: str) -> None:
    page.keyboard.press(key)
    settled(page)


def _upload(site: Served, page: Page, kb: str, files: Sequence[Path], button: str) -> None:
    """Makes a knowledge base of files on its page."""
    go(page, f"{site.url}/knowledge")
    page.get_by_role("combobox", name="Knowledge base").click()
    page.get_by_role("option", name="New knowledge base").click()
    page.get_by_role("textbox", name="Name").fill(kb)
    page.keyboard.press("Tab")
    settled(page)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(files)
    page.get_by_role("button", name=button).click()


def test_add_a_document_then_ask_about_it(site: Served, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "badges.md"
    file.write_text(RULE, encoding="utf-8")
    _upload(site, page, "office", [file], "Add 1 file")
    expect(page.get_by_text("1 added", exact=False)).to_be_visible()
    go(page, f"{site.url}/?kb=office")
    ask(page, "How soon is a lost badge replaced?")
    answered(page)
    page.get_by_role("button", name="Source 1").first.click()
    passage = page.get_by_role("region", name="Passage 1")
    expect(passage.locator("mark").first).to_contain_text("within 3 working days")


def test_two_uploads_of_one_name_are_both_there_and_one_can_be_deleted(
    site: Served, page: Page, tmp_path: Path
) -> None:
    files = []
    for team in ("hr", "it"):
        (tmp_path / team).mkdir()
        files.append(tmp_path / team / "README.md")
        files[-1].write_text(f"# Readme of {team}\n\nThe {team} team answers within 2 days.\n", encoding="utf-8")
    _upload(site, page, "teams", files, "Add 2 files")
    expect(page.get_by_text("2 added", exact=False)).to_be_visible()
    table = page.get_by_test_id("stDataFrame").bounding_box()
    assert table is not None
    page.mouse.click(table["x"] + 20, table["y"] + 52)  # a table draws its boxes on a canvas: that of the first row
    page.get_by_role("button", name="Delete 1 uploaded file").click()
    expect(page.get_by_text("1 removed", exact=False)).to_be_visible()
    assert [one.title for one in site.desk.documents("teams")] == ["Readme of hr"]
    assert [path.name for path in site.desk.uploads("teams").iterdir()] == ["README.md"]
