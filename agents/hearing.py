"""What a writer has said so far, while it is still writing."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_core import from_json

EVERY = 48
"""Characters of a reply between two looks at it: each look reads it from its beginning."""


class Hearing:
    """Puts the pieces of a streamed draft together and tells its sentences so far, as text.

    They are unproven: what is shown of them must say so.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._pieces, self._unread, self._told = tell, [""], 0, ""

    def __call__(self, piece: str) -> None:
        """Takes the next piece of the model's reply."""
        self._pieces.append(piece)
        self._unread += len(piece)
        if self._unread < EVERY:
            return
        self._unread = 0
        self._pieces = ["".join(self._pieces)]
        text = said(self._pieces[0])
        if text and text != self._told:
            self._told = text
            self._tell(text)


def said(reply: str) -> str:
    """The sentences in the beginning of a draft's JSON, one a line; empty while there is none."""
    begins = reply.find("{")
    if begins < 0:
        return ""
    try:
        draft = from_json(reply[begins:], allow_partial="trailing-strings")
    except ValueError:
        return ""
    sentences = draft.get("sentences") if isinstance(draft, dict) else None
    found = [s.get("text") for s in sentences if isinstance(s, dict)] if isinstance(sentences, list) else []
    return "\n".join(text for text in found if isinstance(text, str))
