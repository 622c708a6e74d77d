"""Personal data in a text: Presidio's pattern recognizers, and the names that a ticket itself tells.

Nothing is downloaded: of Presidio's engines the one that does no language processing is used, so other people's names,
addresses of streets and dates of birth are not found. It takes seconds to import, and is only where it is asked for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agents.placeholders import Find, Found
from agents.reply import greeted, signed
from errors import ModelError
from knowledge_base.text import STOP_WORDS
from tasks.case import Ticket

REGIONS = ("US", "GB", "DE", "FR", "IN", "AU")
"""Where telephone numbers are found without their country's code; with it they are found anywhere."""

LEAST_SCORE = 0.35
"""Presidio's confidence. Below are digits of no form; above every pattern with a form or a checksum of its own."""

KINDS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "US_SSN": "SSN",
    "CRYPTO": "WALLET",
}
"""Presidio's names of what is looked for, and ours."""

REMEMBERED = 1_024
"""Texts of which is remembered what was found: the same passages are sent step after step."""

_IN_A_URL = r"[\w.+-]{1,64}%40[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"


@lru_cache(maxsize=1)
def finder() -> Find:
    """What finds personal data by its form. Raises ImportError where Presidio is not installed.

    It raises `ModelError` where a search takes too long: a text that could not be searched is not sent.
    """
    analyzer = _analyzer()
    logging.getLogger("presidio-analyzer").addFilter(_no_value_is_logged)

    @lru_cache(maxsize=REMEMBERED)
    def found(text: str) -> tuple[Found, ...]:
        results = analyzer.analyze(text, "en", score_threshold=LEAST_SCORE)
        return tuple(sorted(Found(KINDS[r.entity_type], _begins(text, r), r.end) for r in results))

    return found


def _analyzer() -> Any:
    from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer, RecognizerRegistry
    from presidio_analyzer import predefined_recognizers as theirs
    from presidio_analyzer.nlp_engine import NoOpNlpEngine

    # Theirs of e-mail addresses asks a list of domains that it would download, and takes no company's own domain.
    addresses = [*theirs.EmailRecognizer.PATTERNS, Pattern("in a URL", _IN_A_URL, 0.5)]
    recognizers = [
        PatternRecognizer("EMAIL_ADDRESS", patterns=addresses),
        theirs.PhoneRecognizer(supported_regions=REGIONS),
        theirs.CreditCardRecognizer(),
        theirs.IbanRecognizer(),
        theirs.IpRecognizer(),
        theirs.UsSsnRecognizer(),
        theirs.CryptoRecognizer(),
    ]
    registry = RecognizerRegistry(recognizers, supported_languages=["en"])
    engine = NoOpNlpEngine([{"lang_code": "en", "model_name": "none"}])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])


def _begins(text: str, result: Any) -> int:
    """Where a value begins: a telephone number is found with the bracket that it stands in, but for its end."""
    begins, value = int(result.start), text[result.start : result.end]
    return begins + (value.startswith("(") and ")" not in value)


def _no_value_is_logged(record: logging.LogRecord) -> bool:
    """Presidio logs values that it cannot read, and goes on where a pattern took too long, as if nothing was there."""
    if record.exc_info and record.exc_info[0] and issubclass(record.exc_info[0], TimeoutError):
        raise ModelError("a text could not be searched for personal data in time; nothing was sent; shorten the ticket")
    return False


# --- names ---------------------------------------------------------------------------------------------


def names_of(ticket: Ticket) -> list[str]:
    """The names that a ticket tells: its customer, whom it greets, and who has signed it."""
    told = [" ".join(ticket.customer.split()), *greeted(ticket.text), signed(ticket.text)]
    return list(dict.fromkeys(name for name in told if name))


def finds_names(names: Sequence[str]) -> Find:
    """Finds whole names in any case, and each of their words as a name is written, or alone at a line's end."""
    alone = {word for name in names for word in name.split() if _is_telling(word)}
    forms = sorted(alone | {word.upper() for word in alone}, key=len, reverse=True)
    patterns = [*_whole(names)]
    if forms:
        either = "|".join(re.escape(form) for form in forms)
        patterns.append(re.compile(rf"(?<!\w)({either})(?!\w)"))
        patterns.append(re.compile(rf"(?im)(?:^|[,–-])[ \t]*({either})[ \t]*[.!]?[ \t]*$"))
    return lambda text: [Found("PERSON", *m.span(1)) for pattern in patterns for m in pattern.finditer(text)]


def finds_whole_names(names: Sequence[str]) -> Find:
    """Finds names of two and more words, and no word of them alone: in the company's documents that means else."""
    patterns = _whole([name for name in names if " " in name])
    return lambda text: [Found("PERSON", *m.span(1)) for pattern in patterns for m in pattern.finditer(text)]


def _whole(names: Sequence[str]) -> list[re.Pattern[str]]:
    spaced = [
        r"\s+".join(re.escape(word) for word in name.split()) for name in names if " " in name or not name.isalpha()
    ]
    return [re.compile(rf"(?i)(?<!\w)({'|'.join(sorted(spaced, key=len, reverse=True))})(?!\w)")] if spaced else []


def _is_telling(word: str) -> bool:
    bare = word.strip(".,'’").lower()
    return len(bare) > 1 and bare not in STOP_WORDS and any(character.isalpha() for character in bare)
