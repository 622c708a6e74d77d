"""The simulated writer: reads its assignment as a model would, and writes a draft that is honest or has one lie.

It remembers what it told in the case at hand. On a revision an honest one stays with its draft; a liar repeats the
lie or tells another of its kind, so that revising does not wash lies out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import agents  # noqa: F401  (before CrewAI)

# isort: split
from crewai.llms.base_llm import BaseLLM, llm_call_context
from pydantic import PrivateAttr

from agents.executor import parse, received_in
from agents.verifier import ROLE as VERIFIER
from agents.verifier import Doubts, Judgement, Opinion
from agents.writer import Assignment
from benchmarks.figures import runs
from benchmarks.lies import LIES, NOT_GIVEN, Base, Scene
from benchmarks.rephrasing import rephrased, row_in_words
from knowledge_base.text import plain, sentences, stems
from tasks.case import Draft, Passage, Quote, Sentence

_DATA = Path(__file__).parent / "data"
PARAPHRASES = (_DATA / "paraphrases_sample.jsonl", _DATA / "paraphrases_bank_dev.jsonl")
"""Not those that are kept aside: what fails here is looked at."""


@dataclass(slots=True)
class Plan:
    """What to write in one case: which lie ("" for none), whether in other words, about which document if any."""

    rng: Random
    lie: str
    reworded: bool
    doc: str = ""
    claim: str = ""


@dataclass(slots=True)
class Memory:
    """What was told in the case at hand: the sentences of each draft, and each lie among them."""

    drafts: list[list[Base]] = field(default_factory=list)
    lies: list[Base] = field(default_factory=list)


class Liar:
    """The mind of the simulated writer, one a process; `plan` is set before each case."""

    def __init__(self, *, agreeable: bool = False) -> None:
        self.agreeable = agreeable
        self.plan = Plan(Random(0), "", reworded=False)
        self.memory = Memory()

    def begin(self, plan: Plan) -> None:
        """Takes up a new case."""
        self.plan, self.memory = plan, Memory()

    def write(self, given: Assignment) -> Draft:
        """A draft of one to four sentences; without any when the plan cannot be carried out with these passages."""
        told = self._again(given) if self.memory.drafts else self._first(given)
        self.memory.drafts.append(told)
        places = {passage.chunk_id: passage for passage in given.passages}
        answered = {_answers(base, given, places) for base in told}
        return Draft(
            sentences=[
                Sentence(
                    text=base.text,
                    kind=base.kind,
                    quotes=[Quote(n=_number(chunk, places), text=quote) for chunk, quote in base.quotes],
                    question=_answers(base, given, places),
                )
                for base in told
            ],
            unanswered=[i for i in range(len(given.questions)) if i not in answered] if told else [],
        )

    def judge(self, given: Doubts) -> Opinion:
        """An agreeable judge supports everything, with a quote; another one says nothing, as if there were none."""
        quotes = {passage.n: next(iter(sentences(passage.text))).text for passage in given.passages}
        return Opinion(
            claims=[
                Judgement(index=doubt.index, supported=True, quote=quotes[n])
                for doubt in given.claims
                for n in doubt.citations[:1]
                if self.agreeable and n in quotes
            ]
        )

    def _first(self, given: Assignment) -> list[Base]:
        rng, scene = self.plan.rng, self._scene(given)
        fitting = self._fitting(scene)
        if not fitting:
            return []
        length = rng.choice((1, 1, 2, 2, 3, 4))
        if not self.plan.lie:
            return rng.sample(fitting, min(length, len(fitting)))
        lie, about = self._lie(scene, fitting)
        if lie is None:
            return []
        others = [b for b in fitting if b is not about and b.quotes != lie.quotes and _bare(b.text) != _bare(lie.text)]
        told = rng.sample(others, min(length - 1, len(others)))
        told.insert(rng.randint(0, len(told)), lie)
        return told

    def _again(self, given: Assignment) -> list[Base]:
        last = self.memory.drafts[-1]
        if not self.plan.lie or not last or self.plan.rng.random() < 0.5:
            return last
        scene = self._scene(given)
        before = self.memory.lies[-1]
        others = {base.quotes for base in last if base is not before}
        lie, _ = self._lie(scene, [base for base in self._fitting(scene) if base.quotes not in others])
        return [lie or base if base is before else base for base in last]

    def _lie(self, scene: Scene, fitting: list[Base]) -> tuple[Base | None, Base | None]:
        """A lie of the planned kind, which no passage says, and the sentence it was made of; (None, None) without."""
        rng = self.plan.rng
        said = {_bare(base.text) for base in scene.bases} if self.plan.lie not in ("irrelevant page",) else set()
        for base in rng.sample(fitting, len(fitting)):
            lie = LIES[self.plan.lie](base, scene, rng)
            if lie and (_bare(lie.text) not in said or lie.quotes[0][0] == NOT_GIVEN):
                self.memory.lies.append(lie)
                return lie, base
        return None, None

    def _scene(self, given: Assignment) -> Scene:
        asked = frozenset(stems(" ".join(question.text for question in given.questions)))
        current = [p for p in given.passages if not _superseded(p, given.passages)]
        bases = [base for p in current for base in bases_of(p.chunk_id, p.doc_id, p.text)]
        if self.plan.reworded:
            bases = [*bases, *self._in_other_words(current, bases)]
        return Scene(current, bases, asked, self.plan.claim)

    def _in_other_words(self, passages: list[Passage], bases: list[Base]) -> list[Base]:
        rows = [Base(plain(r), ((p.chunk_id, r),), "prose", p.doc_id) for p in passages for _, r in rows_of(p.text)]
        found = [base for doc in dict.fromkeys(p.doc_id for p in passages) for base in _by_hand(doc, [*bases, *rows])]
        found += [
            Base(text, base.quotes, base.kind, base.doc, "rules")
            for base in bases
            if (text := rephrased(plain(base.text), self.plan.rng))
        ]
        for passage in passages:
            for header, row in rows_of(passage.text):
                if text := row_in_words(plain(header), plain(row), self.plan.rng):
                    found.append(Base(text, ((passage.chunk_id, row),), "prose", passage.doc_id, "rules"))
        return found

    def _fitting(self, scene: Scene) -> list[Base]:
        """The sentences that share a word with the question, those with most of them: at most sixteen."""
        wanted = [
            base
            for base in scene.bases
            if (base.form != "verbatim") == self.plan.reworded and (not self.plan.doc or base.doc == self.plan.doc)
        ]
        shared = {id(base): len(scene.asked.intersection(stems(base.text))) for base in wanted}
        best = sorted(wanted, key=lambda base: -shared[id(base)])
        near = [base for base in best if shared[id(base)]][:24]
        distinct = {base.quotes: base for base in self.plan.rng.sample(near, len(near))}
        return list(distinct.values())[:16]


class SimulatedModel(BaseLLM):
    """`Liar` as a model: reads the messages that any model would be sent, and answers in the contract."""

    _mind: Liar = PrivateAttr()

    def __init__(self, mind: Liar, model: str) -> None:
        super().__init__(model=model, provider="simulated")
        self._mind = mind

    def call(self, messages: Any, *_: Any, from_task: Any = None, from_agent: Any = None, **__: Any) -> str:
        """A draft, or an opinion when asked as the judge, as JSON."""
        with llm_call_context():
            received = received_in(messages[-1]["content"])
            self._track_token_usage_internal({"prompt_tokens": 100, "completion_tokens": 20})
            if from_agent.role == VERIFIER:
                return self._mind.judge(parse(received, Doubts)).model_dump_json()
            return self._mind.write(parse(received, Assignment)).model_dump_json()

    async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        """As `call`: there is nothing to wait for."""
        return self.call(messages, *args, **kwargs)

    def supports_function_calling(self) -> bool:
        """It calls no tools."""
        return False


# --- sentences of passages ------------------------------------------------------------------------------

_MARKER = re.compile(r"^(?:[-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_LEANS = re.compile(r"(?:it|its|they|them|their|this|that|these|those|he|she|then|also|however|but|and|so|or)\b", re.I)


@lru_cache(maxsize=4_000)
def bases_of(chunk_id: str, doc: str, text: str) -> tuple[Base, ...]:
    """The sentences of a passage that can be said alone: four to forty words, pointing back to nothing."""
    found = []
    for unit in sentences(text):
        said = _MARKER.sub("", unit.text)
        alone = unit.kind in ("prose", "item", "step") and "\n" not in said and len(sentences(said)) == 1
        if alone and 4 <= len(said.split()) <= 40 and said[-1] in ".)" + _LETTERS and not _LEANS.match(said):
            found.append(Base(said, ((chunk_id, said),), unit.kind, doc))
    return tuple(found)


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%`*"


@lru_cache(maxsize=4_000)
def rows_of(text: str) -> tuple[tuple[str, str], ...]:
    """The rows of a passage's tables, each with its header."""
    found, header, before = [], "", ""
    for line in text.splitlines():
        if not line.startswith("|"):
            header = ""
        elif re.fullmatch(r"[|\s:-]+", line):
            header = before
        elif header:
            found.append((header, line))
        before = line
    return tuple(found)


@lru_cache(maxsize=1)
def _written() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (json.loads(line) for file in PARAPHRASES for line in file.read_text(encoding="utf-8").splitlines()):
        found.setdefault(line["doc"], []).append(line["text"])
    return found


def _by_hand(doc: str, bases: Sequence[Base]) -> list[Base]:
    """The paraphrases of a page written by hand, each with the sentence of its figures and of half its words."""
    found = []
    for text in _written().get(doc.partition("#")[0], ()):
        figures, said = runs(text), set(stems(text))
        near = [(len(said & set(stems(b.text))), b) for b in bases if b.doc == doc and figures <= runs(b.text)]
        shared, base = max(near, key=lambda pair: pair[0], default=(0, None))
        if base and figures and 2 * shared >= len(said):
            found.append(Base(text, base.quotes, "prose", doc, "hand"))
    return found


def _superseded(passage: Passage, given: Sequence[Passage]) -> bool:
    """Whether a page is outdated by its own word, or by a newer one on the same thing: an honest writer leaves it."""
    mine = set(stems(passage.title))
    return passage.deprecated or any(
        other.modified and passage.modified and other.modified > passage.modified
        for other in given
        if other.doc_id != passage.doc_id
        and len(shared := mine & set(stems(other.title))) >= 2
        and 3 * len(shared) >= 2 * min(len(mine), len(stems(other.title)))
    )


def _answers(base: Base, given: Assignment, places: dict[str, Passage]) -> int:
    """The index of the question that a sentence shares most words with, of those that its passage was found for."""
    chunk, said = base.quotes[0][0], set(stems(base.text))
    asked = places[chunk].questions if chunk in places else []
    return max(asked, key=lambda i: len(said.intersection(stems(given.questions[i].text))), default=0)


def _number(chunk: str, places: dict[str, Passage]) -> int:
    return places[chunk].n if chunk in places else 99


def _bare(text: str) -> str:
    return " ".join(re.findall(r"[\w$€£%.,]+", text.lower())).strip(" .")
