"""No secret is logged, whoever logs it and in whatever part of the record."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from opsdesk.redaction import hide

KEY = "sk-canary-0123456789"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    kept = root.handlers[:]
    root.handlers[:] = [handler]
    yield stream
    root.handlers[:] = kept


def test_neither_message_nor_arguments_nor_traceback_shows_a_secret(logged: io.StringIO) -> None:
    hide([KEY, "a"])
    logging.getLogger("httpx").error("sent %s", {"Authorization": f"Bearer {KEY}"})
    try:
        raise ValueError(f"refused {KEY}")
    except ValueError:
        logging.getLogger("other").exception("failed with %s", KEY)
    text = logged.getvalue()
    assert KEY not in text
    assert text.count("[hidden]") >= 3
    assert "ValueError: refused [hidden]" in text
    assert "Traceback" in text  # and "a" is no secret


def test_a_key_that_begins_like_another_is_hidden_whole(logged: io.StringIO) -> None:
    hide([KEY, f"{KEY}-longer"])
    logging.getLogger("x").error("%s-longer", KEY)
    assert logged.getvalue().strip() == "[hidden]"
