"""The bundled sample keeps its word: every ticket can be answered from the pages it points to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[1] / "opsdesk" / "sample"
FILES = sorted((SAMPLE / "docs").iterdir())
PAGES = [path for path in FILES if path.suffix == ".md"]
TICKETS: list[dict[str, Any]] = [
    json.loads(line) for line in (SAMPLE / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
]
every_ticket = pytest.mark.parametrize("ticket", TICKETS, ids=lambda ticket: ticket["id"])


def _documents() -> Iterator[tuple[str, str]]:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".jsonl":
            for entry in map(json.loads, text.splitlines()):
                assert set(entry) == {"id", "title", "text"}
                yield entry["id"], entry["text"]
        else:
            yield path.name, text


DOCUMENTS = list(_documents())
TEXT = dict(DOCUMENTS)
# Front matter is set off by `---` lines; only its own lines count, not the body's.
FRONT_MATTER = {name: text.split("---\n")[1] for name, text in DOCUMENTS if text.startswith("---\n")}
INTERNAL = {name for name, head in FRONT_MATTER.items() if "audience: internal" in head}
DEPRECATED = {name for name, head in FRONT_MATTER.items() if "status: deprecated" in head}


def test_the_knowledge_base_is_small_enough_to_read_and_shows_every_text_format() -> None:
    assert 15 <= len(FILES) <= 25
    assert {path.suffix for path in FILES} == {".md", ".txt", ".html", ".jsonl"}


def test_no_two_documents_share_an_id_and_no_page_is_a_stub_or_a_tome() -> None:
    assert len(TEXT) == len(DOCUMENTS)
    lengths = {path.name: len(path.read_text(encoding="utf-8").split()) for path in FILES}
    assert {name: length for name, length in lengths.items() if not 150 <= length <= 600} == {}


def test_the_sample_holds_internal_and_deprecated_pages_besides_public_ones() -> None:
    assert INTERNAL
    assert DEPRECATED
    assert set(TEXT) - INTERNAL - DEPRECATED


def test_there_are_25_tickets_and_no_two_share_an_id() -> None:
    assert len(TICKETS) == len({ticket["id"] for ticket in TICKETS}) == 25


@every_ticket
def test_a_ticket_is_well_formed(ticket: dict[str, Any]) -> None:
    assert set(ticket) - {"audience"} == {"id", "subject", "body", "customer", "expect"}
    assert ticket.get("audience", "customer") in {"customer", "staff"}
    assert ticket["subject"].strip()
    assert ticket["body"].strip()
    expect = ticket["expect"]
    assert set(expect) == {"outcome", "must_contain", "must_not_contain", "cite"}
    assert expect["outcome"] in {"accepted", "abstained", "needs_human"}
    assert bool(expect["must_contain"]) == (expect["outcome"] == "accepted")
    assert bool(expect["cite"]) == (expect["outcome"] != "abstained")


@every_ticket
def test_a_ticket_points_to_documents_that_exist_and_may_be_quoted_to_its_author(ticket: dict[str, Any]) -> None:
    cited = set(ticket["expect"]["cite"])
    assert cited <= set(TEXT)
    assert not cited & DEPRECATED
    assert not cited & INTERNAL or ticket.get("audience") == "staff"


@every_ticket
def test_what_an_answer_must_contain_can_be_quoted_without_what_it_must_not(ticket: dict[str, Any]) -> None:
    expect = ticket["expect"]
    sentences = [s for name in expect["cite"] for s in re.split(r"\n|(?<=[.?!]) ", TEXT[name])]
    quotable = [s for s in sentences if not any(forbidden in s for forbidden in expect["must_not_contain"])]
    for wanted in expect["must_contain"]:
        assert any(wanted in sentence for sentence in quotable), wanted


def test_every_cited_document_adds_something_that_the_answer_must_contain() -> None:
    for ticket in TICKETS:
        expect = ticket["expect"]
        if expect["outcome"] == "accepted":
            for name in expect["cite"]:
                assert any(wanted in TEXT[name] for wanted in expect["must_contain"]), (ticket["id"], name)


def test_every_address_in_the_sample_is_fictional() -> None:
    host = re.compile(r"(?:https?://|@)([\w.-]*\w)|\b((?:[\w-]+\.)+(?:com|net|org|io|dev|app|eu))\b", re.IGNORECASE)
    for path in [*FILES, SAMPLE / "tickets.jsonl"]:
        for match in host.finditer(path.read_text(encoding="utf-8")):
            name = match[1] or match[2]
            assert name.endswith(".example") or "." not in name, f"{path.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target
