"""What the crew answers: outcomes, whether the right document is cited first, and whether any figure is loose.

A figure is loose when an accepted answer holds it and no passage that it cites does. Looks with other eyes than
the proof does: every run of characters with a digit in it, and every word in code marks, must stand in a cited
passage character for character.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.bench import KB, arguments, desk_over, questions, show
from opsdesk.demo import tickets
from opsdesk.show import json_lines
from tasks.case import Case, Ticket

_MARK = re.compile(r" \[\d+\]")
_FIGURE = re.compile(r"[$€£]?[\w.,:/@%+-]*\d[\w.,:/@%+-]*|`[^`\n]+`")
_STEP = re.compile(r"^\d+\. ", re.M)


def main() -> None:
    """Prints the counts, and names each question with the wrong document first and each loose figure."""
    options = arguments(__doc__ or "", over_documents=True).parse_args()
    with desk_over(options.corpus) as desk:
        cases = [desk.ask(ticket, KB) for ticket in asked(options.questions)]
    relevant = [question.get("relevant", []) for question in questions(options.questions)]
    answered = [(case, docs) for case, docs in zip(cases, relevant, strict=True) if case.citations and docs]
    wrong = [case for case, docs in answered if case.citations[0].doc_id not in docs]
    found = [(case, figure) for case in cases if case.outcome == "accepted" for figure in figures(case.answer)]
    loose = [(case, figure) for case, figure in found if not stands(case, figure)]
    outcomes = Counter(str(case.outcome) for case in cases)
    show(
        {
            "count": {
                **outcomes,
                "right document first": len(answered) - len(wrong),
                "figures": len(found),
                "loose figures": len(loose),
            }
        },
        options.json,
        f"{len(cases)} questions",
    )
    for case in wrong if not options.json else []:
        print(f"cites {case.citations[0].doc_id} first: {case.ticket.text[:80]!r}")
    for case, figure in loose if not options.json else []:
        print(f"loose figure {figure}: {case.ticket.text[:80]!r}")


def asked(file: Path | None) -> Iterable[Ticket]:
    """The sample's tickets, or the questions of a file."""
    if file is None:
        return tickets()
    return [Ticket(text=str(line["text"])) for _, line in json_lines(file, required=("text",))]


def figures(answer: str) -> list[str]:
    """Everything in an answer that has a digit or stands in code marks, without citation marks and step numbers."""
    text = _STEP.sub("", _MARK.sub("", answer))
    return [figure.strip(".,:") for figure in _FIGURE.findall(text)]


def stands(case: Case, figure: str) -> bool:
    """Whether a passage that the answer cites, or its title, holds the figure, Markdown's escapes taken off."""
    cited = [passage for passage in case.passages if passage.n in {citation.n for citation in case.citations}]
    return any(figure in text for passage in cited for text in (passage.text.replace("\\", ""), passage.title))


if __name__ == "__main__":
    main()
