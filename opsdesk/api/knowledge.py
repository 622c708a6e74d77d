"""`/v1/search`, `/v1/check` and `/v1/knowledge-bases`: what is known, and whether an answer stands in it."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from knowledge_base.search import Hit
from opsdesk.api.access import Reads
from opsdesk.api.doors import Doors, doors
from opsdesk.api.problems import documented
from opsdesk.api.shapes import KbName, Subject, Text
from opsdesk.show import hit_json

router = APIRouter(tags=["knowledge"])


class HitOut(BaseModel):
    """A passage that was found."""

    doc_id: str
    chunk_id: str
    title: str
    locator: str
    score: float
    text: str


class Hits(BaseModel):
    """Passages, the best first."""

    hits: list[HitOut]
    ms: float


class PassageIn(BaseModel):
    """A passage that an answer rests on."""

    id: Subject
    text: Text
    title: Subject = ""


class CheckIn(BaseModel):
    """An answer of any system, with its passages."""

    model_config = ConfigDict(extra="forbid")

    answer: Text
    passages: list[PassageIn] = Field(max_length=50)
    question: Text = ""


class ClaimOut(BaseModel):
    """One thing that the answer says."""

    text: str
    supported: bool
    reason: str
    passage: str | None
    span: tuple[int, int] | None


class ProofOut(BaseModel):
    """Whether the answer stands; `score` is 0 to 1."""

    supported: bool
    score: float
    claims: list[ClaimOut]


class KbOut(BaseModel):
    """A knowledge base."""

    kb: str
    documents: int
    chunks: int
    indexed: str


@router.get("/v1/search", responses=documented(401, 403, 404, 422, 429, 503))
def search(
    request: Request,
    caller: Reads,
    q: Annotated[str, Query(min_length=1, max_length=2_000, description="What to look for.")],
    kb: KbName = "",
    k: Annotated[int, Query(ge=1, le=100)] = 10,
    audience: Annotated[Literal["customer", "staff"], Query(description="Staff see internal pages.")] = "customer",
) -> Hits:
    """Search a knowledge base. No model is asked."""
    began = time.perf_counter()
    found = found_in(doors(request), q, kb, k, audience)
    return Hits(hits=[HitOut(**hit_json(hit)) for hit in found], ms=round((time.perf_counter() - began) * 1000, 2))


def found_in(at: Doors, query: str, kb: str, k: int, audience: Literal["customer", "staff"]) -> list[Hit]:
    """The best `k` passages; for customers at most `k` of the best 2 `k`, without those of internal pages."""
    name = at.known(kb)
    if audience == "staff":
        return at.desk.search(query, name, k)
    return [hit for hit in at.desk.search(query, name, 2 * k) if not hit.internal][:k]


@router.post("/v1/check", responses=documented(400, 401, 403, 408, 413, 422, 429))
async def check(given: CheckIn, request: Request, caller: Reads) -> ProofOut:
    """Hold an answer of any system against its passages: the verifier alone, no model is asked."""
    from knowledge_base.proof import Evidence

    passages = [Evidence(p.id, p.text, p.title) for p in given.passages]
    return ProofOut.model_validate(await doors(request).prover.proof(given.answer, passages, given.question))


@router.get("/v1/knowledge-bases", responses=documented(401, 403, 429, 500, 503))
def knowledge_bases(request: Request, caller: Reads) -> list[KbOut]:
    """The knowledge bases, the one indexed last first."""
    found = doors(request).desk.knowledge_bases()
    return [KbOut(kb=kb.kb, documents=kb.documents, chunks=kb.chunks, indexed=kb.indexed.isoformat()) for kb in found]
