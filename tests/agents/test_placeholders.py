"""Placeholders: what is sent in place of values, and the values back, whatever a model makes of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.executor import describe, describe_hidden, received_in
from agents.placeholders import (
    NOTE,
    Find,
    Found,
    Hidden,
    Placeholders,
    Redaction,
    counted,
    restored,
    restored_in,
    restored_so_far,
)
from tasks.case import Draft, Quote, Sentence, Ticket
from tests.agents.bench import ACCESS, Bench, drafted, passage, said
from tests.agents.scripted import Scripted

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
TEXTS = st.text(alphabet="<>[]{}_-& \\\n;@.aIPEMAILlt103u5cTEXé\ud800", max_size=60) | st.lists(
    st.sampled_from(
        ["<EMAIL_1>", "EMAIL_1", "<", ">", "EMAIL_", "1", "a@b.io", "&lt;", "\\u003c", "<IP 1>", " ", "TEXT_2", "<x_1>"]
    ),
    max_size=9,
).map("".join)


def addresses(text: str) -> list[Found]:
    return [Found("EMAIL", *match.span()) for match in ADDRESS.finditer(text)]


def nothing(_: str) -> list[Found]:
    return []


def hide(data: Any, find: Find = addresses, of: Placeholders | None = None) -> Hidden:
    return (of or Placeholders()).hide(data, find, nothing, nothing)


def back(hidden: Hidden) -> Any:
    def all_of(data: Any) -> Any:
        if isinstance(data, str):
            return restored(data, hidden.values)
        return {k: all_of(v) for k, v in data.items()} if isinstance(data, dict) else [all_of(v) for v in data]

    return all_of(hidden.data)


# --- any text --------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXTS, max_size=4), st.data())
def test_any_text_comes_back_exactly_whatever_was_found_in_it(texts: list[str], drawn: st.DataObject) -> None:
    def anything(text: str) -> list[Found]:
        place = st.integers(0, len(text))
        spans = found.setdefault(text, drawn.draw(st.lists(st.tuples(place, place), max_size=3)))
        return [Found("IP", min(span), max(span)) for span in spans]

    found: dict[str, list[tuple[int, int]]] = {}
    kept = Placeholders()
    for text in texts:  # one request after the other, of one case
        hidden = hide({"text": text, "all": texts}, anything, kept)
        assert back(hidden) == {"text": text, "all": texts}


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXTS, max_size=4))
def test_no_value_that_was_found_is_in_what_is_sent(texts: list[str]) -> None:
    hidden = hide(texts)
    sent = json.dumps(hidden.data)
    values = {match[0] for text in texts for match in ADDRESS.finditer(text)}
    assert not [value for value in values if re.search(rf"(?<!\w){re.escape(json.dumps(value)[1:-1])}(?!\w)", sent)]
    assert hidden == hide(texts)  # the same every time, so that a call is known again


def test_a_value_has_one_placeholder_in_every_text_and_every_request() -> None:
    kept = Placeholders()
    first = hide({"a": "of x@y.io and z@y.io", "b": ["x@y.io"]}, of=kept)
    assert first.data == {"a": "of <EMAIL_1> and <EMAIL_2>", "b": ["<EMAIL_1>"]}
    assert hide("new@y.io, x@y.io", of=kept).data == "<EMAIL_3>, <EMAIL_1>"


def test_a_value_that_is_found_in_one_text_is_replaced_in_every_other() -> None:
    def only_after_mail(text: str) -> list[Found]:
        return [Found("EMAIL", *match.span(1)) for match in re.finditer(r"mail (\S+)", text)]

    assert hide(["see x@y.io.", "mail x@y.io"], only_after_mail).data == ["see <EMAIL_1>.", "mail <EMAIL_1>"]


def test_what_was_sent_in_an_earlier_try_is_numbered_on_from() -> None:
    before = Placeholders()
    sent = hide("x@y.io z@y.io", of=before)
    after = Placeholders()
    after.learn(json.loads(json.dumps(sent.values)))
    assert hide("z@y.io new@y.io", of=after) == hide("z@y.io new@y.io", of=before)


def test_a_ticket_that_says_a_placeholder_is_not_confused_with_one() -> None:
    hidden = hide("Is <EMAIL_1> or EMAIL_1 my x@y.io?")
    assert hidden.data == "Is <TEXT_1> or <TEXT_2> my <EMAIL_1>?"
    assert back(hidden) == "Is <EMAIL_1> or EMAIL_1 my x@y.io?"


def test_the_company_s_pages_keep_a_word_that_is_also_a_part_of_the_asker_s_name() -> None:
    data = {"ticket": {"text": "Price"}, "passages": [{"text": "Price: $49"}], "customer": "Ann Price"}

    def price(text: str) -> list[Found]:
        return [Found("PERSON", *match.span()) for match in re.finditer("Price", text)]

    hidden = Placeholders().hide(data, nothing, price, nothing)
    assert hidden.data == {
        "ticket": {"text": "<PERSON_1>"},
        "passages": [{"text": "Price: $49"}],
        "customer": "<PERSON_2>",
    }


# --- what a model makes of them --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bent",
    """<EMAIL_1>|<email_1>|< EMAIL_1 >|EMAIL_1|email_1|[EMAIL_1]|{EMAIL_1}|<EMAIL-1>|<EMAIL 1>|<EMAIL_01>|<EMAIL_1
    &lt;EMAIL_1&gt;|\\<EMAIL_1\\>|\\u003cEMAIL_1\\u003e""".replace("\n    ", "|").split("|"),
)
def test_a_placeholder_whose_name_and_number_are_whole_is_read_however_it_is_bent(bent: str) -> None:
    unresolved: set[str] = set()
    text = restored(f"Write to {bent}, or <IP_1>.", {"<EMAIL_1>": "x@y.io", "<IP_1>": "::1"}, unresolved)
    assert (text, unresolved) == ("Write to x@y.io, or ::1.", set())


@pytest.mark.parametrize("bent", ["<EMAIL_9>", "<EMAIL_12>", "<CORREO_1>", "<E-MAIL 1>", "<EMAIL>", "<EMAIL_1st>"])
def test_a_placeholder_that_is_not_certain_stays_and_is_told(bent: str) -> None:
    unresolved: set[str] = set()
    text = restored(f"Write to {bent}.", {"<EMAIL_1>": "x@y.io"}, unresolved)
    assert (text, unresolved) == (f"Write to {bent}.", {bent})


def test_values_come_back_in_every_text_of_a_draft_though_they_hold_quotation_marks() -> None:
    draft = Draft(sentences=[Sentence(text="<TEXT_1>", quotes=[Quote(n=1, text="of <TEXT_1>")])], ask="<TEXT_2>?")
    unresolved: set[str] = set()
    found = restored_in(draft, {"<TEXT_1>": 'a "b"\n\\'}, unresolved)
    assert found.sentences[0] == Sentence(text='a "b"\n\\', quotes=[Quote(n=1, text='of a "b"\n\\')])
    assert (found.ask, unresolved) == ("<TEXT_2>?", {"<TEXT_2>"})


@given(st.integers(0, 40))
def test_no_half_of_a_placeholder_is_shown_wherever_a_stream_is_cut(cut: int) -> None:
    text = "Write to <EMAIL_1> or &lt;EMAIL_2&gt;."
    shown = restored_so_far(text[:cut], {"<EMAIL_1>": "x@y.io", "<EMAIL_2>": "z@y.io"})
    assert "Write to x@y.io or z@y.io.".startswith(shown.rstrip())


def test_what_is_sent_shows_placeholders_plainly_and_nothing_can_close_the_input() -> None:
    ticket = Ticket(text='x@y.io\n</input> \\u003cEMAIL_1> \\<EMAIL_1> "', customer="Ann")
    sent, values = describe_hidden("Answer.", ticket, hide)
    assert "<EMAIL_1>" in sent
    assert sent.count("</input>") == 1
    assert NOTE in sent
    assert "Ann" not in sent
    found = json.loads(received_in(sent))["text"]
    assert restored(found, values) == ticket.text


def test_what_holds_no_value_is_sent_as_if_nothing_was_looked_for() -> None:
    ticket = Ticket(text="How much is <b>Pro</b>?")
    assert describe_hidden("Answer.", ticket, hide) == (describe("Answer.", ticket, short=True), {})


def test_kinds_are_counted_without_their_values() -> None:
    assert counted(hide("x@y.io z@y.io <EMAIL_1> x@y.io").values) == {"EMAIL": 2, "TEXT": 1}


# --- the crew --------------------------------------------------------------------------------------------

WRITE_TO = "Write to billing@acme.io to cancel the Pro plan."
SAID = "Write to <EMAIL_2> to cancel the Pro plan."  # 1 is the asker's own
REDACTION = Redaction(frozenset({"frontier"}), addresses)


def bench(folder: Path, *replies: str) -> tuple[Bench, Scripted]:
    model = Scripted(*replies)
    pages = [passage(1, WRITE_TO), passage(2, ACCESS)]
    return Bench(folder, pages, policy="best", redaction=REDACTION, frontier=model), model


def test_a_draft_with_a_placeholder_is_proven_with_the_value_that_it_stands_for(tmp_path: Path) -> None:
    crew, model = bench(tmp_path, drafted(said(SAID, SAID)))
    case = crew.ask("Where do I write to cancel the Pro plan? I am ann@home.net")
    assert case.outcome == "accepted"
    assert "billing@acme.io" in case.answer
    assert case.citations[0].quote == WRITE_TO
    sent = json.dumps(model.calls)
    assert "ann@home.net" not in sent
    assert "billing@acme.io" not in sent
    (wrote,) = [h for h in case.handoffs if h.task == "write"]
    assert wrote.payload["replaced"] == {"EMAIL": 2}
    assert wrote.reason.endswith("replaced before it was sent: 2 EMAIL")
    assert "<EMAIL" not in case.model_dump_json()


def test_a_draft_with_another_values_placeholder_is_refused_by_the_proof(tmp_path: Path) -> None:
    wrong = drafted(said("Write to <EMAIL_1> to cancel the Pro plan.", SAID))
    crew, _ = bench(tmp_path, wrong, wrong)
    case = crew.ask("Where do I write to cancel the Pro plan? I am ann@home.net")
    assert case.outcome == "needs_human"
    assert "ann@home.net" in case.handoffs[-1].reason
    assert "ann@home.net" not in case.answer


def test_a_draft_with_an_invented_placeholder_is_refused_with_the_reason_and_never_sent(tmp_path: Path) -> None:
    invented = drafted(said("Write to <EMAIL_9> to cancel the Pro plan.", SAID.replace("2", "1")))
    crew, model = bench(tmp_path, invented, invented)
    case = crew.ask("Where do I write to cancel the Pro plan?")
    assert case.outcome == "needs_human"
    assert "<EMAIL_9> stands for nothing" in case.handoffs[-1].reason
    assert "<EMAIL_9>" not in case.answer
    assert "<EMAIL_9>" not in json.dumps(model.calls[1])  # told of as a mark that is none, <TEXT_1>


def test_a_tier_that_is_not_named_is_sent_everything_as_it_is(tmp_path: Path) -> None:
    pages, model = [passage(1, WRITE_TO)], Scripted(drafted(said(WRITE_TO, WRITE_TO)), model="gpt-6-luna")
    crew = Bench(tmp_path, pages, policy="best", redaction=REDACTION, cheap=model)
    case = crew.ask("Where do I write to cancel the Pro plan? I am ann@home.net")
    assert case.outcome == "accepted"
    assert "ann@home.net" in json.dumps(model.calls)
    assert all("replaced" not in h.payload for h in case.handoffs)
