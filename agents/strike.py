"""What remains of a draft when the sentences that failed the check are taken out.

Nothing is left that leans on what was struck: no lead-in to nothing, no list without its lead-in, no
procedure with a step missing, no "It ..." whose subject is gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tasks.case import Claim, Draft, Sentence

_LEANS = re.compile(
    r"(?:it|its|they|them|their|this|that|these|those|he|she|there|then|also|otherwise|however|but|and|so|or|instead"
    r"|in (?:that|this|both|either) cases?|if (?:so|not)|the (?:latter|former|same)|both|neither|either|here)\b",
    re.IGNORECASE,
)
"""Begins a sentence that cannot be understood without the one before it."""


class Struck(NamedTuple):
    """`kept` is what may still be sent, `claims` its claims; `struck` are the claims of what was taken out, each
    not supported; `lost` are the questions whose direct answer, the first sentence on them, is among these."""

    kept: Draft
    claims: list[Claim]
    struck: list[Claim]
    lost: list[int]


def strike(draft: Draft, claims: Sequence[Claim]) -> Struck:
    """`draft` without what is not supported and without what leans on that.

    `claims` are the verifier's: one for each sentence, in order, and one more when `draft.ask` failed.
    """
    sentences = draft.sentences
    gone = {i for i, claim in enumerate(claims[: len(sentences)]) if not claim.supported}
    while more := _leaning(sentences, gone):
        gone |= more
    kept = [sentence for i, sentence in enumerate(sentences) if i not in gone]
    first: dict[int, int] = {}
    for i, sentence in enumerate(sentences):
        first.setdefault(sentence.question, i)
    lost = [question for question, i in first.items() if i in gone]
    struck = [
        claims[i].model_copy(update={"supported": False, "reason": claims[i].reason or "it leans on what was struck"})
        for i in sorted(gone)
    ]
    ask_failed = len(claims) > len(sentences)
    return Struck(
        Draft(sentences=kept, unanswered=sorted({*draft.unanswered, *lost}), ask="" if ask_failed else draft.ask),
        [claim for i, claim in enumerate(claims[: len(sentences)]) if i not in gone],
        [*struck, *claims[len(sentences) :]],
        lost,
    )


def _leaning(sentences: Sequence[Sentence], gone: set[int]) -> set[int]:
    """What cannot stand once `gone` is out, one round of it."""
    more: set[int] = set()
    broken = {sentences[i].question for i in gone if sentences[i].kind in ("step", "code")}
    for i, sentence in enumerate(sentences):
        if sentence.kind in ("step", "code") and sentence.question in broken:
            more.add(i)  # the whole procedure: half of one is worse than none
        if i - 1 in gone and sentence.kind != "step" and _LEANS.match(sentence.text):
            more.add(i)
        if sentence.text.endswith(":"):
            run = _led(sentences, i)
            if i in gone:
                more |= set(run)
            elif run and gone.issuperset(run):
                more.add(i)
        if sentence.kind == "code" and i - 1 in gone and sentences[i - 1].question == sentence.question:
            more.add(i)  # a command without the words that say what it is for
    return more - gone


def _led(sentences: Sequence[Sentence], i: int) -> list[int]:
    """What a lead-in leads to: the list, steps or code after it, else the sentence after it."""
    last = i + 1
    while last < len(sentences) and sentences[last].kind != "prose":
        last += 1
    return list(range(i + 1, max(last, min(i + 2, len(sentences)))))
