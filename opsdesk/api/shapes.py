"""Texts that may be sent: what the OpenAPI document says of them is all that is asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header
from pydantic import Field

from knowledge_base.versions import NAME
from opsdesk.tickets import MAX_TICKET_CHARACTERS
from tasks.repeats import MAX_KEY

_ANY = r"^[^\x00]*$"
"""No database keeps a NUL."""

_SEEN = (
    r"^[^\x00]*[!-~\u00c0-\u02af\u0370-\u0482\u0531-\u0556\u05d0-\u05ea\u0620-\u064a\u0904-\u0939"
    r"\u3041-\u9fff\uac00-\ud7a3][^\x00]*$"
)
"""A letter, digit or sign of some script: a text that nobody can see asks nothing."""

Asked = Annotated[str, Field(min_length=1, max_length=MAX_TICKET_CHARACTERS, pattern=_SEEN)]
Text = Annotated[str, Field(max_length=MAX_TICKET_CHARACTERS, pattern=_ANY)]
Subject = Annotated[str, Field(max_length=500, pattern=_ANY)]
Name = Annotated[str, Field(max_length=200, pattern=_ANY)]
WebhookUrl = Annotated[
    str,
    Field(
        max_length=2_000,
        pattern=r"^(?:https?://[!-~\u00a1-\uffff]+)?$",
        description="Where to POST a signed event at the end, as Standard Webhooks 1.0.0 has it.",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=MAX_KEY,
        pattern=r"^[!-~](?:[ -~]*[!-~])?$",
        description="Of your own making: the same request sent again under it is done, and paid for, once.",
    ),
]
KbName = Annotated[
    str, Field(pattern=rf"^(?:{NAME.pattern})?$", description="Knowledge base; empty is the one indexed last.")
]
