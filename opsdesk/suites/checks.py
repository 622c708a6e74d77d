"""Is a case as its suite wants it? Each check that fails is told in words. Pure.

A value ("$49", "72 hours", "3 March") is met in any spelling, by the same reading as the proof has of values; what
else a demand says must stand in the same sentence. A demand without a value is met by its words, in a row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge_base.evidence import Evidence, Source
from knowledge_base.facts import facts_in
from knowledge_base.folding import folded
from knowledge_base.stating import places
from knowledge_base.text import stems
from opsdesk import answering
from opsdesk.display import duration, usd
from opsdesk.suites.suite import Suite, SuiteTicket
from tasks.case import Case

_MARK = re.compile(r" ?\[\d{1,3}\]")
_MARKUP = re.compile(r"[*_`#>|]+")


class Answer:
    """The text of an answer, read once for all that is asked of it."""

    def __init__(self, text: str) -> None:
        said = _MARK.sub("", answering.body(text))
        self._source = Source(Evidence("", said))
        self._words = _words(said)

    def says(self, demand: str) -> bool:
        """Whether it says what is demanded."""
        facts = facts_in(demand)
        if not facts:
            wanted = _words(demand)
            return bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(self._words)} "
        rest, end = "", 0
        for fact in facts:
            rest, end = f"{rest} {demand[end : fact.start]}", fact.end
        also = set(stems(f"{rest} {demand[end:]}"))
        found = [set(places(self._source, fact)) for fact in facts]
        return any(
            also <= set(stems(self._source.units[place].text)) for place in set.intersection(*found) if place >= 0
        )


def _words(text: str) -> list[str]:
    """The words of a text in small letters, without Markdown's marks and what stands between sentences."""
    plain = _MARKUP.sub(" ", folded(text)[0]).casefold()
    return [word for raw in plain.split() if (word := raw.strip(".,;:!?\"'()[]“”‘’"))]


def failures(suite: Suite, one: SuiteTicket, case: Case) -> list[str]:
    """What a case lacks, in words, the time it took apart; empty when it is as it must be."""
    answer = Answer(case.answer)
    return [
        *_outcome(suite.outcomes(one), case),
        *(f'the answer does not say "{demand}"' for demand in one.must if not answer.says(demand)),
        *(f'the answer says "{demand}", which it must not' for demand in one.must_not if answer.says(demand)),
        *_cites(one.cites, case),
        *_cost(suite.max_cost_usd(one), case),
    ]


def slow(suite: Suite, one: SuiteTicket, case: Case) -> str:
    """That a case took longer than it should, "" when it did not. It depends on the machine, and fails no ticket."""
    most = suite.max_seconds(one)
    return "" if most is None or case.seconds <= most else f"took {duration(case.seconds)}, more than {duration(most)}"


def _outcome(wanted: Sequence[str], case: Case) -> list[str]:
    if case.outcome in wanted:
        return []
    return [f"came out as {case.outcome}, not {' or '.join(wanted)}: {case.outcome_reason}"]


def _cites(wanted: Sequence[str], case: Case) -> list[str]:
    cited = {name.casefold() for citation in case.citations for name in (citation.doc_id, citation.title)}
    told = ", ".join(dict.fromkeys(citation.doc_id for citation in case.citations)) or "nothing"
    return [f'does not cite "{name}" but {told}' for name in wanted if name.casefold() not in cited]


def _cost(most: float | None, case: Case) -> list[str]:
    if most is None or (case.cost_usd is not None and case.cost_usd <= most):
        return []
    if case.cost_usd is None:
        return [f"its cost is not wholly known, so nobody can say that it is no more than {usd(most)}"]
    return [f"cost {usd(case.cost_usd)}, more than {usd(most)}"]
