"""Which language a text is in, as far as the proof needs to know: English, or one that it cannot judge."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Protocol

from knowledge_base.text import STOP_WORDS

_ENGLISH = 12
"""One function word in so many words is enough for English, without asking further."""
_SURE = 0.4
"""The least probability, 0..1, of a language other than English."""
_LETTERS, _READ = 12, 2000
"""The fewest letters that tell a language, and how many characters of a text are read for it."""


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]:
        """The ISO 639-1 code of the most likely language, and its probability."""


_loading = Lock()


def _identifier() -> _Identifier:
    """Loaded once: it takes a second, which many threads would else spend at the same time."""
    with _loading:
        return _loaded()


@cache
def _loaded() -> _Identifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # only for what looks foreign

    identifier: _Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier


def foreign(text: str) -> str:
    """The ISO 639-1 code of the language of `text` if it is surely another one than English, else ""."""
    text = text[:_READ]
    if sum(character.isalpha() for character in text) < _LETTERS:
        return ""
    spoken = text.lower().split()
    if _ENGLISH * sum(word in STOP_WORDS for word in spoken) >= len(spoken):
        return ""
    code, probability = _identifier().classify(text)
    return code if code != "en" and probability >= _SURE else ""
