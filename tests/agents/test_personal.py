"""What is found of personal data: by Presidio's patterns, with no download, and the names that a ticket tells."""

from __future__ import annotations

import importlib.util
import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.personal import finder, finds_names, finds_whole_names, names_of
from agents.placeholders import Placeholders, restored
from errors import ModelError
from knowledge_base.facts import facts_in
from opsdesk.demo import SAMPLE
from tasks.case import Ticket

presidio = pytest.mark.skipif(
    importlib.util.find_spec("presidio_analyzer") is None, reason="the extra pii is not installed"
)
VALUES = {
    "jane.doe@example.com": "EMAIL",
    "j@corp.local": "EMAIL",
    "jane%40example.com": "EMAIL",
    "+49 30 901820": "PHONE",
    "415-555-0123": "PHONE",
    "4111 1111 1111 1111": "CARD",
    "DE89 3704 0044 0532 0130 00": "IBAN",
    "203.0.113.7": "IP",
    "2001:db8::7": "IP",
    "219-09-9999": "SSN",
    "1BoatSLRHtKNngkdXEeobR76b53LETtpyT": "WALLET",
}
MIXED = st.lists(
    st.sampled_from([*VALUES, " ", "\n", ", ", "Order 100-234567", "$1,200", "<EMAIL_1>", "PHONE_2", "3.11", "<", ">"])
    | st.text(max_size=8),
    max_size=8,
).map("".join)


@presidio
@pytest.mark.parametrize(("value", "kind"), VALUES.items(), ids=VALUES)
def test_a_value_is_found_whole_wherever_it_stands(value: str, kind: str) -> None:
    text = f"Please use ({value}), thanks."
    assert [(found.kind, text[found.start : found.end]) for found in finder()(text)] == [(kind, value)]


@presidio
def test_figures_prices_dates_and_order_numbers_are_nobody_s() -> None:
    text = (
        "Order 100-2345678 of 2026-10-11 12:30: 50,000 calls at $1,200.00 (12.5 %), invoice INV-2026-00417, v3.11.2, "
        "`opsdesk draft --budget 0.50`, error E1042, std::vector, 24/7, 1,234,567 rows in 10-20 s"
    )
    assert finder()(text) == ()


@presidio
def test_only_addresses_are_replaced_in_the_sample_and_every_figure_and_word_comes_back() -> None:
    kept, find = Placeholders(), finder()
    for path in sorted((SAMPLE / "docs").iterdir()):
        for text in path.read_text(encoding="utf-8").split("\n\n"):
            hidden = kept.hide({"passages": [{"text": text}]}, find, find, lambda _: [])
            sent = hidden.data["passages"][0]["text"]
            assert restored(sent, hidden.values) == text
            assert all("@" in value for value in hidden.values.values())
            assert "tidewater.example" not in re.sub(r"https?://\S+", "", sent)
            figures = [fact.value for fact in facts_in(text) if fact.kind in ("money", "quantity", "percent", "date")]
            assert figures == [f.value for f in facts_in(sent) if f.kind in ("money", "quantity", "percent", "date")]


@presidio
@settings(max_examples=30, deadline=None)
@given(MIXED)
def test_any_text_comes_back_and_what_was_found_is_not_in_what_is_sent(text: str) -> None:
    hidden = Placeholders().hide({"text": text}, finder(), lambda _: [], lambda _: [])
    sent = hidden.data["text"]
    assert restored(sent, hidden.values) == text
    left = re.sub(r"<[A-Z]+_\d+>", "\0", sent)
    for found in finder()(text):
        value = text[found.start : found.end]
        assert not re.search(rf"(?<!\w){re.escape(value)}(?!\w)", left)


@presidio
def test_a_search_that_takes_too_long_is_an_error_and_values_are_never_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    finder()
    log = logging.getLogger("presidio-analyzer")
    with caplog.at_level(logging.DEBUG):
        log.error("Failed to validate text %s", "DE89")
        assert caplog.records == []
        with pytest.raises(ModelError, match="nothing was sent"):
            _time_out(log)


def _time_out(log: logging.Logger) -> None:
    try:
        raise TimeoutError
    except TimeoutError:
        log.warning("timed out", exc_info=True)


# --- names -----------------------------------------------------------------------------------------------


def found(names: list[str], text: str) -> list[str]:
    return [text[span.start : span.end] for span in finds_names(names)(text)]


def test_the_names_of_a_ticket_are_its_customer_whom_it_greets_and_who_has_signed_it() -> None:
    text = "Hi Sarah,\n\nhow much is Pro?\n\nKind regards,\nTom Okafor"
    assert names_of(Ticket(text=text, customer="Jane  Doe")) == ["Jane Doe", "Sarah", "Tom Okafor"]
    assert names_of(Ticket(text="Hello team,\nhow much is Pro? Thanks")) == []


def test_a_name_is_found_whole_in_any_case_and_by_each_of_its_words_as_a_name_is_written() -> None:
    text = "I am JANE  doe. Jane's plan, MS DOE; janet and a doe.\nthanks, jane"
    assert set(found(["Jane Doe"], text)) == {"JANE  doe", "Jane", "JANE", "DOE", "jane"}
    assert found(["Will Price"], "The price will rise. Will it?") == []
    assert found(["Will Price"], "Mr Price asks") == ["Price"]


def test_in_documents_only_a_whole_name_is_one() -> None:
    assert finds_whole_names(["Ann Price", "Team"])("Price of the Team plan") == []
    assert len(finds_whole_names(["Ann Price"])("as ann price wrote")) == 1
