"""Adversarial drafts through the whole crew: what of a writer's lies gets out, and what of honest drafts is refused.

A simulated writer (`benchmarks.liar`) answers tickets over the corpus. Two drafts in three hold exactly one lie, of
each of the kinds of `benchmarks.lies` in turn; the others are honest. Half are in the documents' words, half in
others. What gets out is counted with other eyes than the proof's (`benchmarks.figures`):

"loose figures": accepted answers with a figure that is in no passage they cite.
"verbatim", "reworded": the share of lies accepted, with the lie in the text; of honest drafts, the share refused: the
outcome is not "accepted", or a sentence was struck. "struck": accepted without the lie.
No judge is asked, but a part is worked again with one that supports everything, which must change nothing for figures.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.bench import KB, arguments, desk_over, questions, show
from benchmarks.figures import loose, shown
from benchmarks.liar import Liar, Plan, SimulatedModel, bases_of
from benchmarks.lies import LIES, OF_FIGURES, PRESENT, Base, Scene, invented_figure
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case, Claim, Ticket, Verdict

KINDS = tuple(LIES)
TICKETS = 300
"""So many different tickets are asked; each is answered by many drafts."""


@dataclass(slots=True)
class Result:
    """What became of one draft. `fate`: "accepted" (a lie: with the lie in it), "struck" or "refused"."""

    number: int
    lie: str
    form: str
    fate: str
    loose: list[str]
    drafts: int
    sentences: dict[str, int] = field(default_factory=dict)
    """Of an honest draft: how many sentences of each form, and how many of them were refused at first ("no rules")."""
    example: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Prints the tables, or one JSON value with `--json`; progress goes to stderr."""
    parser = arguments(__doc__ or "", over_documents=True)
    parser.add_argument("--drafts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--again", type=float, default=0.1, help="the share worked again with the agreeable judge")
    parser.add_argument("--examples", type=Path, help="a file for the lies accepted and the honest drafts refused")
    options = parser.parse_args()
    began = time.monotonic()
    with desk_over(options.corpus) as desk:
        home, asked = desk.settings.home, [str(q["text"]) for q in given(options.corpus, options.questions)]
        setting = (str(home), asked, options.seed)
        found = list(told(setting, range(options.drafts), options.processes, began, agreeable=False))
        part = [r.number for r in found if r.lie][: int(options.drafts * options.again)]
        again = list(told(setting, part, options.processes, began, agreeable=True))
    report = summed(found, again, time.monotonic() - began)
    if options.examples:
        before = {r.number: r.fate for r in found}
        swayed = [r for r in again if r.example and r.fate != before[r.number]]
        kept = [
            {"lie": r.lie, "form": r.form, "loose": r.loose, "judge": judge, **r.example}
            for judge, results in (("none", found), ("agreeable", swayed))
            for r in results
            if r.example
        ]
        options.examples.write_text("".join(json.dumps(k, ensure_ascii=False) + "\n" for k in kept), encoding="utf-8")
    if options.json:
        print(json.dumps(report))
        return
    show(report["lies"], False, "lies accepted")
    print()
    show(report["honest"], False, "honest, refused")
    print()
    for name, value in report["all"].items():
        print(f"{name:<44}{value:g}")


def given(corpus: Sequence[Path], file: Path | None) -> list[dict[str, Any]]:
    """The questions that go with the corpus: those of a file, or the sample's tickets; none for another corpus."""
    own = any("sample" in path.parts and "opsdesk" in path.parts for path in corpus)
    return questions(file) if file or own else []


def told(
    setting: tuple[str, list[str], int], numbers: Sequence[int], processes: int, began: float, *, agreeable: bool
) -> Iterator[Result]:
    """The results of the cases with these numbers, in their order."""
    if processes < 2 or len(numbers) < 200:
        start(*setting, agreeable)
        yield from reported(map(work, numbers), len(numbers), began)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, start, (*setting, agreeable)) as pool:  # tells when a process dies
        yield from reported(pool.map(work, numbers, chunksize=20), len(numbers), began)


def reported(results: Iterable[Result | None], expected: int, began: float) -> Iterator[Result]:
    """`results` without what could not be told, with a line of progress now and then."""
    for done, result in enumerate(results, start=1):
        if done % 500 == 0 or done == expected:
            print(f"{done:,} of {expected:,} after {time.monotonic() - began:.0f} s", file=sys.stderr)
        if result:
            yield result


# --- one process ----------------------------------------------------------------------------------------


class Stage:
    """What one process needs: a desk with its own task list, a crew whose only paid tier lies, and tickets."""

    def __init__(self, home: str, asked: list[str], seed: int, agreeable: bool) -> None:
        database = f"sqlite:///{home}/adversary-{os.getpid()}-{agreeable}.sqlite"
        self.desk = Desk(Settings(home=Path(home), database_url=database))
        self.mind = Liar(agreeable=agreeable)
        self.crew = crew_with(self.desk, self.mind)
        self.asked, self.seed = asked, seed
        self.chunks = [p for p in self.desk.searcher(KB).index.passages.all() if bases_of(*_key(p))]
        self.hopeless: set[tuple[str, str, bool]] = set()  # tickets without passages, or without one to tell a lie of

    def ticket(self, rng: Random, *, claims: bool) -> tuple[Ticket, str, str]:
        """A ticket, the document that it asks about ("" if not known), and what it claims ("" unless `claims`)."""
        kind = rng.choice(("question", "reply"))
        chosen = Random(f"{self.seed} ticket {rng.randrange(TICKETS)}")  # so that few are asked often
        if self.asked and not claims and chosen.random() < 0.5:
            return Ticket(text=chosen.choice(self.asked), kind=kind), "", ""
        page = chosen.choice(self.chunks)
        base = chosen.choice(bases_of(*_key(page)))
        words = [word for word in re.findall(r"[A-Za-z][\w-]+", base.text) if len(word) > 3][:6]
        text = chosen.choice(_ASKED).format(title=page.title, words=" ".join(words).lower())
        claim = _claim(base, page, chosen) if claims else ""
        return Ticket(text=f"{text} A friend wrote to me: {claim}" if claim else text, kind=kind), base.doc, claim


_ASKED = (
    "{title}: what applies to {words}?",
    "What do I have to know about {words} ({title})?",
    "How does it work with {words}? This is about {title}.",
    "Can you tell me what holds for {words}, regarding {title}?",
)


def _key(page: Any) -> tuple[str, str, str]:
    return page.chunk.chunk_id, page.chunk.doc_id, page.chunk.text


def _claim(base: Base, page: Any, rng: Random) -> str:
    told = invented_figure(base, Scene([], [base], frozenset()), rng)
    return told.text if told else ""


def crew_with(desk: Desk, mind: Liar) -> Any:
    """The desk's crew, but that every draft is written by `mind` as the one paid tier.

    Every ticket counts as one of high stakes, and none needs a person's approval.
    """
    from agents import retriever, router, verifier, writer
    from agents.crew import Crew, Dial
    from agents.models import LocalModel, Skill, Tiers
    from tasks.ledger import Ledger

    searcher = desk.searcher(KB)
    library = retriever.Library(lru_cache(searcher.findings), searcher.siblings, searcher.public)
    routed = lru_cache(router.route_locally)
    skills = {
        router.ROLE: Skill(Ticket, lambda t: routed(t).model_copy(update={"stakes": "high", "approval": ""})),
        retriever.ROLE: retriever.local_skill(lambda: library),
        writer.ROLE: writer.local_skill(desk.embedder.embed),
        verifier.ROLE: verifier.SKILL,
    }
    model = desk.settings.reference_model  # so that its price is known
    tiers = Tiers({"local": lambda: LocalModel(skills), "frontier": lambda: SimulatedModel(mind, model)})
    return Crew(tiers, desk.task_list, Ledger(model), dial=Dial("best"))


_stage: Stage


def start(home: str, asked: list[str], seed: int, agreeable: bool) -> None:
    """Sets the stage of this process."""
    global _stage  # what a pool's initializer makes can be kept nowhere else
    _stage = Stage(home, asked, seed, agreeable)


def work(number: int) -> Result | None:
    """The case with that number; the same whichever process works it. None when nothing could be told in it."""
    from agents.steps import Limits

    rng = Random(f"{_stage.seed} case {number}")
    lie = "" if number % 3 == 2 else KINDS[(number - number // 3) % len(KINDS)]
    reworded = number // 3 // len(KINDS) % 2 == 1 if lie else number // 3 % 2 == 1
    for turn in range(40):
        ticket, doc, claim = _stage.ticket(rng, claims=lie == "ticket quoted")
        key = (ticket.text, lie, reworded)
        if key in _stage.hopeless or (ticket.text, "any", False) in _stage.hopeless:
            continue
        _stage.mind.begin(Plan(Random(f"{_stage.seed} told {number} {turn}"), lie, reworded, doc, claim))
        case = Case(case_id=f"c-{number}-{turn}", ticket=ticket, kb=KB, created_at=datetime.now(UTC))
        _stage.crew.work(case, Limits(budget_usd=1_000, deadline_s=600))
        if case.outcome == "failed":
            raise RuntimeError(f"{case.case_id} failed: {case.outcome_reason}")
        if _stage.mind.memory.drafts and _stage.mind.memory.drafts[0]:
            return result(number, lie, case, _stage.mind)
        _stage.hopeless.add(key if _stage.mind.memory.drafts else (ticket.text, "any", False))
    return None


def result(number: int, lie: str, case: Case, mind: Liar) -> Result:
    """What became of the draft of `case`."""
    memory = mind.memory
    answer = said_in(case) if case.outcome == "accepted" else ""
    lies = [base for base in memory.lies if lie and shown(base.text) in shown(answer)]
    told = lies[-1] if lies else (memory.lies[-1] if memory.lies else memory.drafts[0][0])
    form = "verbatim" if told.form == "verbatim" else "reworded"
    found = Result(number, lie, form, "refused", [], len(memory.drafts))
    if answer:
        found.fate = "accepted" if lies or not lie else "struck"
        cited = {citation.n for citation in case.citations}
        read = [part for p in case.passages if p.n in cited for part in (p.title, *p.headings, p.text)]
        found.loose = loose(answer, "\n".join(read))
    claims = first_claims(case)
    if not lie:
        form_of = [base.form for base in memory.drafts[0]]
        refused = [f for f, claim in zip(form_of, claims, strict=False) if not claim.supported]
        found.sentences = {**Counter(form_of), **Counter(f"no {f}" for f in refused)}
        found.fate = "refused" if refused or not answer else "accepted"
    if found.loose or (found.fate == "accepted" if lie else found.fate == "refused"):
        found.example = example(case, told, claims, lie)
    return found


def said_in(case: Case) -> str:
    """The answer without what code writes around the draft, its marks, step numbers and the customer's words."""
    body = case.answer.partition("\n\nSources:")[0]
    body = re.sub(r"^> .*$|^\d+\. |^- |^The documents do not say the same everywhere.*$", "", body, flags=re.M)
    return re.sub(r" \[\d+\]", "", body)


def first_claims(case: Case) -> list[Claim]:
    """The claims of the first draft, as the verifier judged them at first."""
    sent = next((h.payload["sent"] for h in case.handoffs if h.task == "verify"), None)
    return Verdict.model_validate(sent).claims if isinstance(sent, dict) and "claims" in sent else []


def example(case: Case, told: Base, claims: Sequence[Claim], lie: str) -> dict[str, Any]:
    """What a person needs to see why."""
    refused = [{"text": c.text, "reason": c.reason} for c in claims if not c.supported]
    words = {citation.n: citation.quote for citation in case.citations}
    return {
        "case": case.case_id,
        "question": case.ticket.text,
        "told": told.text,
        "quotes": [quote for _, quote in told.quotes],
        "doc": told.doc,
        "outcome": case.outcome,
        "reason": case.outcome_reason,
        "refused": [] if lie else refused,
        "cited": words if lie else {},
    }


# --- sums -----------------------------------------------------------------------------------------------


def share(results: Sequence[Result], fate: str) -> float:
    """The share of `results` with that fate, 0 of none."""
    return sum(r.fate == fate for r in results) / len(results) if results else 0.0


def summed(found: Sequence[Result], again: Sequence[Result], seconds: float) -> dict[str, Mapping[str, Any]]:
    """The report: a row a lie, a row a way of being honest, and what holds for all."""
    by_lie: dict[str, list[Result]] = defaultdict(list)
    for one in found:
        by_lie[one.lie].append(one)
    rows = {lie: row(by_lie[lie]) for lie in KINDS if by_lie[lie]}
    honest, counts = by_lie[""], Counter[str]()
    for one in honest:
        counts.update(one.sentences)
    forms = ("verbatim", "rules", "hand")
    drafts = {"drafts": row(honest, "refused")} if honest else {}
    sentences = {
        f"sentences, {form}": {"told": counts[form], "refused": counts[f"no {form}"] / counts[form]}
        for form in forms
        if counts[form]
    }
    present = [r for lie in PRESENT for r in by_lie[lie]]
    accepted = {r.number: r.fate == "accepted" for r in found}
    swayed = [r for r in again if (r.fate == "accepted") > accepted[r.number]]
    return {
        "lies": rows,
        "honest": drafts | sentences,
        "all": {
            "drafts": len(found),
            "drafts, revisions included": sum(r.drafts for r in found),
            "answers accepted": sum(bool(r.fate != "refused") for r in found),
            "answers with a loose figure": sum(bool(r.loose) for r in [*found, *again]),
            "wrong but present, accepted": share(present, "accepted"),
            "honest, refused": share(honest, "refused"),
            "worked again with an agreeable judge": len(again),
            "lies that it let out": len(swayed),
            "of these with a wrong figure": sum(r.lie in OF_FIGURES for r in swayed),
            "seconds": round(seconds, 1),
        },
    }


def row(results: Sequence[Result], counted: str = "accepted") -> dict[str, float]:
    """Of the drafts of one kind: how many, and the shares that met that fate."""
    cells: dict[str, float] = {"told": len(results), counted: share(results, counted)}
    for form in ("verbatim", "reworded"):
        if of_form := [r for r in results if r.form == form]:
            cells[form] = share(of_form, counted)
    return cells | ({"struck": share(results, "struck")} if counted == "accepted" else {})


if __name__ == "__main__":
    main()
