"""What a simulated model answers: honest from the passages in the prompt, or with one lie at a set rate.

The honest draft is the built-in writer's, which quotes; the lie is one of `benchmarks.lies`. Whether it lies is drawn
from the ticket, the model and the number of the draft, so that the same request gets the same reply, and a revision
is drawn anew.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

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

USUAL_LIES = tuple(kind for kind in LIES if kind != "irrelevant page")
"""All but a true sentence of another page, which is no lie about anything."""


@dataclass(slots=True)
class Told:
    """A lie that was told: in which draft of which ticket, by which model."""

    model: str
    ticket: str
    draft_no: int
    lie: str
    text: str


@dataclass
class Mind:
    """The model's head; `told` are its lies so far. Safe to share between threads."""

    seed: int = 1
    told: list[Told] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, model: str, messages: Sequence[dict[str, str]], wrong: float, lies: Sequence[str]) -> str:
        """A reply in the contract of the agent that the system prompt names; "ok" to anything else."""
        prompt, received = messages[0]["content"], received_in(messages[-1]["content"])
        if prompt.startswith("You are the writer"):
            return self._draft(model, _assignment(json.loads(received)), wrong, lies).model_dump_json()
        if prompt.startswith("You are the router"):
            return _decision(json.loads(received)).model_dump_json()
        if prompt.startswith("You are the judge"):
            return self._opinion(_doubts(json.loads(received))).model_dump_json()
        return '{"ok": true}'

    def _draft(self, model: str, given: Assignment, wrong: float, lies: Sequence[str]) -> Draft:
        number = (given.draft is not None) + 2 * bool(given.problem)
        rng = Random(f"{self.seed}|{model}|{given.ticket.text}|{number}")
        is_wrong = rng.random() < wrong
        refused = {claim.text for claim in given.rejected}
        honest = draft(given.ticket, given.questions, given.passages, _embed, refused)
        if not honest.sentences or not is_wrong:
            return honest
        return self._with_lie(model, given, honest, rng, number, lies) or honest

    def _with_lie(
        self, model: str, given: Assignment, honest: Draft, rng: Random, number: int, lies: Sequence[str]
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
                if lie is None or (lie.text == sentence.text and lie.quotes == base.quotes):  # type: ignore[union-attr]
                    continue
                with self._lock:
                    self.told.append(Told(model, given.ticket.text, number, kind, lie.text))
                return honest.model_copy(update={"sentences": _put(honest.sentences, i, lie, ids)})
        return None

    def _opinion(self, given: Doubts) -> Opinion:
        """A good judge: it knows the lies, and quotes the passage for what is none."""
        with self._lock:
            lies = {told.text for told in self.told}
        passages = {p.n: p.text for p in given.passages}
        return Opinion(
            claims=[
                Judgement(
                    index=doubt.index,
                    supported=doubt.text not in lies,
                    quote=_best(doubt.text, passages.get(next(iter(doubt.citations), 0), "")),
                    reason="" if doubt.text not in lies else "the passage does not say so",
                )
                for doubt in given.claims
            ]
        )


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


def _embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Words into 512 places: near enough for a simulation, and a thousand times faster than a model."""
    vectors = np.zeros((len(texts), 512), dtype=np.float32)
    for row, text in enumerate(texts):
        for stem in stems(text):
            vectors[row, zlib.crc32(stem.encode()) % 512] += 1
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: npt.NDArray[np.float32] = vectors / np.maximum(norms, 1e-9)
    return found
