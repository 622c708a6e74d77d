"""Keeps secrets out of what is logged, tracebacks included."""

from __future__ import annotations

import logging
from collections.abc import Iterable

HIDDEN = "[hidden]"
LEAST = 6
"""Characters; shorter ones are words of any text, and no key."""


class Redacting(logging.Formatter):
    """Another formatter's text, without the secrets."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = sorted({s for s in secrets if len(s) >= LEAST}, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, its traceback included, each secret replaced."""
        text = self._inner.format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def hide(secrets: Iterable[str]) -> None:
    """Hides `secrets` in everything that the root logger's handlers print from now on."""
    found = list(secrets)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Redacting(handler.formatter or logging.Formatter(), found))
