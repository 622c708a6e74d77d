"""Keeps secrets out of what is logged, tracebacks included, and out of what is exported."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from html import escape

HIDDEN = "[hidden]"
LEAST = 6
"""Characters; shorter ones are words of any text, and no key."""


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` with each secret replaced, as it is and as it stands in JSON or HTML."""
    return hiding(secrets)(text)


def hiding(secrets: Iterable[str]) -> Callable[[str], str]:
    """What replaces each secret in a text; for many texts."""
    found = {form for s in secrets if len(s) >= LEAST for form in (s, json.dumps(s)[1:-1], escape(s))}
    forms = sorted(found, key=len, reverse=True)

    def hidden(text: str) -> str:
        for form in forms:
            text = text.replace(form, HIDDEN)
        return text

    return hidden


class Redacting(logging.Formatter):
    """Another formatter's text, without the secrets."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = list(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, its traceback included, each secret replaced."""
        return redacted(self._inner.format(record), self._secrets)


def hide(secrets: Iterable[str]) -> None:
    """Hides `secrets` in everything that the root logger's handlers print from now on."""
    found = list(secrets)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Redacting(handler.formatter or logging.Formatter(), found))
