"""What a simulated model answers: honest from the passages in the prompt, or with one lie at a set rate.

The honest draft is the built-in writer's, which quotes; the lie is one of `benchmarks.lies`. Whether it lies is drawn
from the ticket, the model and the number of the draft, so that the same request gets the same reply, and a revision
is drawn anew.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agents.executor import received_in
from agents.extractive import draft
from agents.router import Decision, route_locally
from agents.verifier import Doubts, Judgement, Opinion
from agents.writer import Assignment
from benchmarks.lies import LIES, NOT_GIVEN, Base, Scene
from knowledge_base.text import stems
from tasks.case import Draft, Quote, Sentence, Ticket

if TYPE_CHECKING:
    from tests.simulator.model import Model

USUAL_LIES = tuple(kind for kind in LIES if kind != "irrelevant page")
"""All but a true sentence of another page, which is no lie about anything."""


@dataclass(frozen=True, slots=True)
class Told:
    """A lie that was told: in which draft of which ticket, by which model; `text` is the sentence that has it.

    `in_words` is false where only the quotes lie, so that the sentence alone is true.
    """

    model: str
    ticket: str
    draft_no: int
    lie: str
    text: str
    in_words: bool = True


@dataclass
class Mind:
    """The models' head; `told` are their lies so far. Safe to share between threads."""

    seed: int = 1
    told: list[Told] = field(default_factory=list)
    drafts: Counter[str] = field(default_factory=Counter)
    """By model, all of them."""
    unable: Counter[str] = field(default_factory=Counter)
    """By model, those that should have been wrong, but where no lie could be made."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, name: str, messages: Sequence[dict[str, Any]], model: Model) -> str:
        """A reply in the contract of the agent that the system prompt names; "ok" to anything else."""
        prompt, received = messages[0]["content"], received_in(messages[-1]["content"])
        if prompt.startswith("You are the writer"):
            return self._draft(name, _assignment(json.loads(received)), model).model_dump_json()
        if prompt.startswith("You are the router"):
            return _decision(json.loads(received)).model_dump_json()
        if prompt.startswith("You are the judge"):
            return self._opinion(name, _doubts(json.loads(received)), model).model_dump_json()
        return '{"ok": true}'

    def account(self) -> dict[str, Any]:
        """All that was told, as JSON."""
        with self._lock:
            lies = [asdict(told) for told in self.told]
            return {"told": lies, "drafts": dict(self.drafts), "unable": dict(self.unable)}

    def clear(self) -> None:
        with self._lock:
            self.told = []
            self.drafts.clear()
            self.unable.clear()

    def _draft(self, name: str, given: Assignment, model: Model) -> Draft:
        number = (given.draft is not None) + 2 * bool(given.problem)
        rng = Random(f"{self.seed}|{name}|{given.ticket.text}|{number}")
        again = model.wrong if model.wrong_again is None else model.wrong_again
        is_wrong = rng.random() < (again if given.draft is not None else model.wrong)
        refused = {claim.text for claim in given.rejected}
        honest = draft(given.ticket, given.questions, given.passages, embed, refused)
        wrong = self._with_lie(name, given, honest, rng, number, model.lies) if is_wrong else None
        with self._lock:
            self.drafts[name] += 1
            self.unable[name] += is_wrong and wrong is None
        return wrong or honest

    def _with_lie(
        self, name: str, given: Assignment, honest: Draft, rng: Random, number: int, lies: Sequence[str]
    ) -> Draft | None:
        ids = {p.n: p.chunk_id for p in given.passages}
        docs = {p.n: p.doc_id for p in given.passages}
        bases = [
            Base(s.text, tuple((ids[q.n], q.text) for q in s.quotes), s.kind, docs[s.citations[0]])
            for s in honest.sentences
            if s.quotes
        ]
        asked = frozenset(stems(" ".join(question.text for question in given.questions)))
        scene = Scene(list(given.passages), bases, asked, given.ticket.text)
        for kind in rng.sample(list(lies), len(lies)):
            for i in rng.sample(range(len(honest.sentences)), len(honest.sentences)):
                sentence = honest.sentences[i]
                base = next((b for b in bases if b.text == sentence.text), None)
                lie = LIES[kind](base, scene, rng) if base else None
                if base is None or lie is None or (lie.text == base.text and lie.quotes == base.quotes):
                    continue
                with self._lock:
                    self.told.append(Told(name, given.ticket.text, number, kind, lie.text, lie.text != sentence.text))
                return honest.model_copy(update={"sentences": _put(honest.sentences, i, lie, ids)})
        return None

    def _opinion(self, name: str, given: Doubts, model: Model) -> Opinion:
        """A good judge knows the lies, and quotes the passage for what is none; in its errors it has them exchanged."""
        with self._lock:
            lies = {told.text for told in self.told if told.in_words}
        passages = {p.n: p.text for p in given.passages}
        judged = []
        for doubt in given.claims:
            errs = Random(f"{self.seed}|{name}|{doubt.text}").random() < model.judge_wrong
            supported = (doubt.text in lies) == errs
            quote = _best(doubt.text, passages.get(next(iter(doubt.citations), 0), ""))
            reason = "" if supported else "the passage does not say so"
            judged.append(Judgement(index=doubt.index, supported=supported, quote=quote, reason=reason))
        return Opinion(claims=judged)


def _put(sentences: Sequence[Sentence], i: int, lie: Base, ids: dict[int, str]) -> list[Sentence]:
    numbers = {chunk: n for n, chunk in ids.items()}
    quotes = [Quote(n=99 if chunk == NOT_GIVEN else numbers.get(chunk, 99), text=text) for chunk, text in lie.quotes]
    changed = sentences[i].model_copy(update={"text": lie.text, "quotes": quotes})
    return [*sentences[:i], changed, *sentences[i + 1 :]]


def _assignment(received: dict[str, Any]) -> Assignment:
    """The prompt's input; what was left out of passages, which a model has no use for, is made up."""
    every = list(range(len(received["questions"])))
    passages = [_passage(passage, every) for passage in received.get("passages", [])]
    return Assignment.model_validate({**received, "passages": passages})


def _passage(found: dict[str, Any], every: list[int]) -> dict[str, Any]:
    made = {"doc_id": found.get("title", ""), "chunk_id": f"{found['n']}", "locator": "", "score": 1.0, "title": ""}
    return {**made, "questions": every, "position": found["n"], **found}


def _doubts(received: dict[str, Any]) -> Doubts:
    return Doubts.model_validate({**received, "passages": [_passage(p, [0]) for p in received.get("passages", [])]})


def _decision(received: dict[str, Any]) -> Decision:
    return route_locally(Ticket.model_validate(received))


def _best(claim: str, passage: str) -> str:
    """The line of the passage that shares most words with the claim."""
    said = set(stems(claim))
    return max(passage.splitlines(), key=lambda line: len(said & set(stems(line))), default="").strip()


def embed(texts: Sequence[str], dimensions: int = 512) -> npt.NDArray[np.float32]:
    """Words into places, rows of length 1: near enough for a simulation, and a thousand times faster than a model."""
    vectors = np.zeros((len(texts), dimensions), dtype=np.float32)
    for row, text in enumerate(texts):
        for stem in stems(text):
            vectors[row, zlib.crc32(stem.encode()) % dimensions] += 1
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: npt.NDArray[np.float32] = vectors / np.maximum(norms, 1e-9)
    return found
