"""E-mail as tickets: what a person reads in it, whatever its program made of that."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from errors import UsageError
from opsdesk.ticket_files import Row, read
from opsdesk.ticket_files.quoted import without_quoted

FROM_ = b"From ada@example.com Thu Nov 26 09:00:00 2026\n"
HEAD = b"From: Ada Lovelace <ada@example.com>\nSubject: Pro plan\nMessage-ID: <m1@example.com>\n"
BODY = "How much is it?"
WROTE = "On Thu, 26 Nov 2026 at 09:00, Bob <bob@example.com> wrote:"


def rows(data: bytes, name: str = "t.eml") -> list[Row]:
    return read(data, name).rows().rows


def text(data: bytes) -> str:
    (row,) = rows(HEAD + data)
    assert row.error == ""
    return row.ticket.text


def test_a_mail_gives_its_sender_subject_id_and_text() -> None:
    (row,) = rows(HEAD + b"Importance: High\n\nHow much is it?\n")
    told = row.ticket
    assert (told.ticket_id, told.customer, told.subject) == ("m1@example.com", "Ada Lovelace", "Pro plan")
    assert (told.text.strip(), row.priority) == (BODY, 1)


def test_encoded_headers_are_read_and_an_address_stands_for_a_name() -> None:
    (row,) = rows(b"From: ada@example.com\nSubject: =?utf-8?q?Pre=C3=A7o?= =?utf-8?q?_=E2=82=AC?=\n\nx\n")
    assert (row.ticket.customer, row.ticket.subject) == ("ada@example.com", "Preço €")


def test_headers_of_bytes_that_no_mail_may_have_are_read_as_any_file() -> None:
    (row,) = rows(b"From: Zo\xeb <z@example.com>\nSubject: It is \xa35 or so\n\nx\n")
    assert (row.ticket.customer, row.ticket.subject) == ("Zoë", "It is £5 or so")


@pytest.mark.parametrize("charset", ["utf-8", "us-ascii", "iso-8859-1", "no-such-charset", "zlib", "punycode", ""])
@pytest.mark.parametrize("actual", ["utf-8", "cp1252"])
def test_a_charset_that_lies_falsifies_no_price(charset: str, actual: str) -> None:
    kind = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n".encode()
    assert text(kind + "Is it £5 or €6 a month?".encode(actual)) == "Is it £5 or €6 a month?"


def test_a_charset_that_looks_like_ascii_is_believed() -> None:
    kind = b"Content-Type: text/plain; charset=iso-2022-jp\n\n"
    assert text(kind + "料金はいくらですか".encode("iso-2022-jp")) == "料金はいくらですか"


def test_the_plain_text_is_preferred_and_attachments_are_left_out() -> None:
    made = EmailMessage()
    made["From"], made["Subject"] = "Ada <ada@example.com>", "x"
    made.set_content("How much is it?")
    made.add_alternative("<p>How much is <b>it</b>?</p>", subtype="html")
    made.add_attachment("secret", filename="notes.txt")
    (row,) = rows(made.as_bytes())
    assert row.ticket.text == BODY


def test_a_mail_in_html_alone_is_read_as_a_reader_sees_it() -> None:
    html = b"<style>p{}</style><p>How much is it?</p><div hidden>Ignore</div><blockquote>Earlier</blockquote>"
    assert text(b"Content-Type: text/html\n\n" + html).splitlines()[0] == BODY
    assert "Ignore" not in text(b"Content-Type: text/html\n\n" + html)


def test_a_mail_without_a_text_is_rejected_with_the_reason() -> None:
    picture = b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n"
    assert [row.error for row in rows(HEAD + picture)] == ["it has no text"]
    assert [row.error for row in rows(HEAD)] == ["the text is empty"]


def test_a_text_whose_base64_is_cut_off_is_rejected() -> None:
    (row,) = rows(HEAD + b"Content-Transfer-Encoding: base64\n\nSG93IG11Y\n")
    assert row.error == "its base64 is cut off or broken"


def test_an_mbox_gives_each_mail_with_the_line_on_which_it_begins() -> None:
    data = FROM_ + HEAD + b"\nFirst\n>From here on\n\n" + FROM_ + HEAD + b"\nFrom my side: second\n"
    found = rows(data, "t.mbox")
    assert [(row.line, row.ticket.text.strip()) for row in found] == [
        (1, "First\nFrom here on"),
        (9, "From my side: second"),
    ]
    assert [row.ticket.text for row in rows(data.replace(b"\n", b"\r\n"), "t.mbox")] == [r.ticket.text for r in found]


def test_an_mbox_keeps_what_is_no_mail_in_its_place() -> None:
    data = FROM_ + HEAD + b"\nFirst\n\n" + FROM_ + b"\n" + FROM_ + b"no header at all\n\n" + FROM_ + HEAD + b"\nLast\n"
    assert [row.error for row in rows(data, "t.mbox")] == ["", *["no mail: it has no headers"] * 2, ""]


def test_an_mbox_without_separators_is_one_mail_and_mail_before_the_first_one_too() -> None:
    assert len(rows(HEAD + b"\nOnly\n", "t.mbox")) == 1
    assert [row.ticket.text.strip() for row in rows(HEAD + b"\nA\n\n" + FROM_ + HEAD + b"\nB\n", "t.mbox")] == [
        "A",
        "B",
    ]


@pytest.mark.parametrize(
    "bomb",
    [
        b"Content-Type: text/plain; " + b"a*0=b; " * 9_000 + b"\n",
        b"Content-Disposition: " + b"; " * 40_000 + b"\n",
        b"Subject: " + b"(" * 90_000 + b"\n",
        b"To: " + b"a@example.com, " * 6_000 + b"\n",
        b"X-A: b\n" * 10_000,
    ],
)
def test_a_bomb_in_the_headers_costs_no_other_mail(bomb: bytes) -> None:
    found = rows(FROM_ + bomb + HEAD + b"\nFirst\n\n" + FROM_ + HEAD + b"\nSecond\n", "t.mbox")
    assert [row.ticket.text.strip() for row in found] == ["First", "Second"]


@pytest.mark.parametrize(
    ("mail", "why"),
    [
        (b"X: " + b"x" * 200_000 + b"\n\nx", "its headers have"),
        (b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nx\n" * 2_000, "more than 1,000 parts"),
        (b"Content-Type: message/rfc822\n\n" * 3_000, "nested too deeply"),
        (b"Content-Type: text/plain; " + b"(" * 5_000 + b"\n\nx", "nested too deeply"),
        (b"Content-Type: text/html\n\n" + b"<p>x" * 100_000, "its HTML has"),
        (b"Content-Type: text/html\n\n" + b"<div>" * 5_000 + b"x", "nested too deeply"),
        (b"Content-Type: multipart/mixed\n\nno boundary\n", ""),
    ],
)
def test_a_mail_that_cannot_be_read_is_rejected_alone(mail: bytes, why: str) -> None:
    bad, good = rows(FROM_ + HEAD + mail + b"\n\n" + FROM_ + HEAD + b"\nSecond\n", "t.mbox")
    assert why in bad.error
    assert bad.error or bad.ticket.text
    assert (good.error, good.ticket.text.strip()) == ("", "Second")


def test_a_file_that_is_no_mail_is_refused() -> None:
    with pytest.raises(UsageError, match="no headers"):
        rows(b"just a text\n\nand more\n")


@pytest.mark.parametrize(
    "below",
    [
        f"{WROTE}\n> Hello\n>\n> Bob",
        "On Thu, 26 Nov 2026 at 09:00, Bob\n<bob@example.com> wrote:\n\n> Hello",
        f"{WROTE}\n\nHello Ada,\nBob",
        "Am 26.11.2026 um 09:00 schrieb Bob:\n> Hallo",
        "2026-11-26 9:00 GMT+01:00 Bob <bob@example.com>:\n> Hello",
        "-----Original Message-----\nFrom: Bob\nHello",
        "________________________________\nFrom: Bob\nSent: Thursday\nTo: Ada\nSubject: Plans\n\nHello",
    ],
)
def test_an_earlier_mail_below_is_cut_off(below: str) -> None:
    assert without_quoted(f"{BODY}\n\n{below}\n") == BODY


@pytest.mark.parametrize(
    "kept",
    [
        f"{WROTE}\n> Which plan?\n\nThe Pro plan. How much is it?",
        f"Hi\n\n{WROTE}\n> Which plan?\nThe Pro plan.\n> Which device?\nA phone.",
        f"{WROTE}\n> Nothing but this",
        "It says:\n> disk full",
        "It says:\n\nFrom: server\nTo: me\nthen fails. Why?",
        "My colleague wrote:\nno refunds. Is that so?",
    ],
)
def test_what_the_customer_wrote_is_never_cut(kept: str) -> None:
    assert without_quoted(kept) == kept


def test_what_is_forwarded_is_the_matter_itself() -> None:
    forwarded = f"Please answer.\n\n{WROTE}\n> How much is it?"
    assert without_quoted(forwarded, "Fwd: a question") == forwarded
