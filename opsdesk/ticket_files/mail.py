"""E-mail, one or an mbox of many -> records: `id`, `from`, `subject`, `date`, `priority`, `body`."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import InvalidBase64LengthDefect, MessageError
from email.headerregistry import AddressHeader
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from typing import cast

from knowledge_base.formats.html import page_of
from knowledge_base.formats.page import File, Refusal, clean, decode
from opsdesk.ticket_files.quoted import without_quoted
from opsdesk.ticket_files.table import UNREAD, Record

# A line of a text may begin with "From ", unescaped, as well; it hardly goes on with a weekday and a time.
_BEGIN = re.compile(rb"^From [^\n]*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b[^\n]*\d\d:\d\d[^\n]*\n?", re.MULTILINE)
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_MOST_HEAD = 100_000  # bytes of a mail's headers
_MOST_HEADER = 1_000  # characters that are read of one: the standard parser slows down with the square of them
_MOST_PARTS = 1_000
_MOST_HTML = 300_000  # characters
_BROKEN = (AssertionError, AttributeError, LookupError, MessageError, RecursionError, TypeError, ValueError)
"""What the standard parser raises on malformed mail, in one release or another."""
_SLOW = frozenset(("idna", "punycode"))  # no mail is written in them, and they take the square of its length
_IMPORTANCE = {"1": "high", "2": "high", "4": "low", "5": "low"}


class _Policy(EmailPolicy):
    """The standard policy over headers that are cut before they are parsed, those of a mail's parts too."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """(name, value) of a header's lines."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MOST_HEADER]


_POLICY = _Policy()


def mail_records(data: bytes, one: bool) -> Iterator[Record]:
    """The mails of an mbox in order, or `one` that the data is; `line` is where each begins.

    An mbox without a single separator is read as one mail.
    """
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    begins = [] if one else [(match.start(), match.end()) for match in _BEGIN.finditer(data)]
    if not begins or data[: begins[0][0]].strip():
        begins.insert(0, (0, 0))
    line, at = 1, 0
    for (start, first), (end, _) in zip(begins, [*begins[1:], (len(data), 0)], strict=True):
        line, at = line + data.count(b"\n", at, start), start
        yield _record(line, data[first:end] if one else _ESCAPED.sub(rb"\1", data[first:end]))


def _record(line: int, raw: bytes) -> Record:
    raw = raw.lstrip(b"\n")
    head = raw.partition(b"\n\n")[0]
    shown = {UNREAD: decode(head[:_MOST_HEADER]) or ""}
    if len(head) > _MOST_HEAD:
        return Record(line, shown, f"its headers have {len(head):,} bytes, more than {_MOST_HEAD:,}")
    if raw.count(b"\n--") > _MOST_PARTS:
        return Record(line, shown, f"it has more than {_MOST_PARTS:,} parts")
    try:
        message = cast(EmailMessage, message_from_bytes(raw, policy=_POLICY))
        values = _headers(message)
        if not any(values.values()):
            return Record(line, shown, "no mail: it has no headers")
        text, error = _text(message)
    except RecursionError:
        return Record(line, shown, "nested too deeply")
    except _BROKEN as broken:
        return Record(line, shown, f"malformed mail: {type(broken).__name__}")
    return Record(line, {**values, "body": without_quoted(text.strip("\n"), values["subject"])}, error)


def _headers(message: EmailMessage) -> dict[str, str]:
    raw: dict[str, str] = {}
    for name, value in message.raw_items():
        raw.setdefault(name.lower(), str(value))
    importance = raw.get("importance", "") or _IMPORTANCE.get(raw.get("x-priority", "").strip()[:1], "")
    return {
        "id": raw.get("message-id", "").strip().removeprefix("<").removesuffix(">"),
        "from": _decoded("from", raw.get("from", "")),
        "subject": _decoded("subject", raw.get("subject", "")),
        "date": raw.get("date", ""),
        "priority": importance,
    }


def _decoded(name: str, raw: str) -> str:
    """A header's text; of addresses the first one's name, or itself. One that cannot be read stays as it is."""
    value = _true(" ".join(raw.split()))
    try:
        made = _POLICY.header_factory(name, value)
        if isinstance(made, AddressHeader) and made.addresses:
            return made.addresses[0].display_name or made.addresses[0].addr_spec
        return str(made)
    except _BROKEN:
        return value


def _true(text: str) -> str:
    """A header's bytes that are not what they say, which the parser hides in surrogates, are read as any file's."""
    try:
        return text if text.isascii() else decode(text.encode("utf-8", "surrogateescape")) or clean(text)
    except UnicodeEncodeError:
        return clean(text)


def _text(message: EmailMessage) -> tuple[str, str]:
    """(text, error): what a person reads in a mail, attachments left out."""
    plain = message.get_body(("plain",))
    text, error = _content(plain) if plain else ("", "")
    if text.strip() or error:
        return text, error
    rich = message.get_body(("html",))
    if rich is None:
        return "", "" if plain else "it has no text"
    markup, error = _content(rich)
    if error or not markup.strip():
        return "", error
    if len(markup) > _MOST_HTML:
        return "", f"its HTML has {len(markup):,} characters, more than {_MOST_HTML:,}"
    page = page_of(File(io.BytesIO(), ".html", "", "", 0), markup)
    return ("", page.reason) if isinstance(page, Refusal) else (page.text, "")


def _content(part: Message) -> tuple[str, str]:
    """(text, error) of one part, by the charset that it is in, which is not always the one that it names."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return "", "it has no text"
    if any(isinstance(defect, InvalidBase64LengthDefect) for defect in part.defects):
        return "", "its base64 is cut off or broken"
    named = (part.get_content_charset() or "utf-8").lower()
    for charset in (named,) if payload.isascii() else ("utf-8", named):
        try:
            if charset not in _SLOW and (found := codecs.lookup(charset).name):
                # As browsers do: what is called Latin-1 is Windows-1252.
                return clean(payload.decode("cp1252" if found in ("iso8859-1", "ascii") else charset)), ""
        except (LookupError, ValueError):
            continue
    text = decode(payload.replace(b"\0", b""))
    return (text, "") if text is not None else ("", "its text is of no known encoding")
