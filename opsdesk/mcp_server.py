"""Opsdesk as an MCP server: tools, resources and prompts for other people's agents, over stdio or HTTP.

The descriptions below are what a model reads to choose a tool, and the error of a call is what it reads to do better.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote

from fastapi.security.utils import get_authorization_scheme_param
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from errors import OpsdeskError
from opsdesk.api.access import Caller, Gate
from opsdesk.api.doors import Doors
from opsdesk.api.knowledge import ProofOut, found_in
from opsdesk.api.problems import Refused, answer
from opsdesk.desk import Desk
from opsdesk.tickets import MAX_TICKET_CHARACTERS
from opsdesk.work import told
from tasks.case import Citation, Ticket
from tasks.tokens import SCOPES, ScopeName

INSTRUCTIONS = """Answers operational questions from the team's own documents. answer_question and draft_reply return
only what is proven: every sentence stands in a cited passage. When `outcome` is needs_human or abstained, say so and do
not fill the gap yourself. Use search_knowledge to read passages, check_answer to verify a text of your own."""

ME = Caller("stdio", None, SCOPES)
"""Whoever starts the server over stdio may do what its user may."""

Audience = Annotated[
    Literal["customer", "staff"],
    Field(description="Who will read it: what internal pages say is only for `staff`."),
]
Question = Annotated[str, Field(min_length=1, max_length=MAX_TICKET_CHARACTERS, description="As it was asked.")]
Kb = Annotated[str, Field(max_length=64, description="Name of a knowledge base; empty for the usual one.")]
Text = Annotated[str, Field(max_length=MAX_TICKET_CHARACTERS)]
# No patterns: frameworks put them into what a model reads. What they would say is told by the error of a call.
CallerOf = Callable[[Context[Any, Any, Any]], Caller]


class Hit(BaseModel):
    """A passage; `uri` is the resource with the whole document."""

    doc_id: str
    title: str
    locator: str = Field(description="Where in the document it stands.")
    score: float = Field(description="0 to 1, comparable within one search only.")
    text: str
    uri: str


class Hits(BaseModel):
    """Passages, best first."""

    hits: list[Hit]


class Answer(BaseModel):
    """What the crew made of a question or ticket."""

    case_id: str = Field(description="For get_case.")
    outcome: Literal["accepted", "needs_human", "abstained", "failed"] = Field(
        description="Only `accepted` is fully proven; with any other the answer holds what is proven, or nothing."
    )
    reason: str = Field(description="Why it ended so.")
    answer: str
    citations: list[Citation]
    cost_usd: float | None = Field(description="null when it is not known.")


class Shown(BaseModel):
    """A case as it is kept."""

    case: dict[str, Any]


def create_server(desk: Desk, caller_of: CallerOf = lambda _: ME) -> tuple[FastMCP[Any], Doors]:
    """The server, and what stands behind it. Its `following` has to run while it serves."""
    at = Doors(desk)
    server: FastMCP[Any] = FastMCP(
        "Opsdesk", instructions=INSTRUCTIONS, stateless_http=True, json_response=True, log_level="CRITICAL"
    )
    _add_tools(server, at, caller_of)
    _add_resources(server, at, caller_of)
    _add_prompts(server)
    return server, at


def _add_tools(server: FastMCP[Any], at: Doors, caller_of: CallerOf) -> None:
    reads = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
    works = ToolAnnotations(readOnlyHint=False, destructiveHint=False, idempotentHint=False, openWorldHint=False)

    @server.tool(title="Search the knowledge base", annotations=reads)
    async def search_knowledge(
        query: Annotated[str, Field(min_length=1, max_length=2_000, description="A question or a few words.")],
        context: Context[Any, Any, Any],
        k: Annotated[int, Field(ge=1, le=50, description="How many passages.")] = 5,
        kb: Kb = "",
        audience: Audience = "customer",
    ) -> Hits:
        """Find passages in the team's documents. Returns text with its source; no model is asked and nothing is spent.

        Use it to read what is documented. To get a finished, proven answer use answer_question instead.
        """
        with _calling(caller_of, context, "read"):
            hits = await run_in_threadpool(found_in, at, query, kb, k, audience)
            names = ("doc_id", "title", "locator", "score", "text")
            name = at.known(kb)
            return Hits(hits=[Hit(**{n: getattr(h, n) for n in names}, uri=_uri(name, h.doc_id)) for h in hits])

    @server.tool(title="Answer a question with proof", annotations=works)
    async def answer_question(
        question: Question,
        context: Context[Any, Any, Any],
        kb: Kb = "",
        audience: Audience = "customer",
    ) -> Answer:
        """Answer one operational question from the documents, proven sentence by sentence, with citations and cost.

        If `outcome` is not "accepted", pass on `reason` and what is cited; do not add what was not proven.
        """
        ticket = Ticket(text=question, audience=audience)
        with _calling(caller_of, context, "write") as caller:
            return await _worked(at, caller, ticket, kb)

    @server.tool(title="Draft a reply to a ticket", annotations=works)
    async def draft_reply(
        ticket: Question,
        context: Context[Any, Any, Any],
        subject: Annotated[str, Field(max_length=500)] = "",
        customer: Annotated[str, Field(max_length=200, description="The customer's name, for the greeting.")] = "",
        ticket_id: Annotated[str, Field(max_length=200)] = "",
        kb: Kb = "",
    ) -> Answer:
        """Draft a whole reply to a customer's ticket: greeting, proven answer, what is open, sign-off.

        It is a draft for a person to send; nothing is sent. Give the ticket's text as the customer wrote it.
        """
        asked = Ticket(text=ticket, subject=subject, customer=customer, ticket_id=ticket_id, kind="reply")
        with _calling(caller_of, context, "write") as caller:
            return await _worked(at, caller, asked, kb)

    @server.tool(title="Check a text against passages", annotations=reads)
    async def check_answer(
        answer: Text,
        passages: Annotated[list[Text], Field(min_length=1, max_length=50, description="What it must rest on.")],
        context: Context[Any, Any, Any],
        question: Annotated[
            str, Field(max_length=MAX_TICKET_CHARACTERS, description="What it answers, if you have it.")
        ] = "",
    ) -> ProofOut:
        """Verify any text against passages, claim by claim: wrong figures, lost negations, values of something else.

        No model takes part. Passages are numbered from 1; a claim's `passage` is that number.
        """
        from knowledge_base.proof import Evidence

        with _calling(caller_of, context, "read"):
            evidence = [Evidence(str(n), text) for n, text in enumerate(passages, start=1)]
            return ProofOut(**await at.prover.proof(answer, evidence, question))

    @server.tool(title="Look a case up", annotations=reads)
    async def get_case(
        case_id: Annotated[str, Field(pattern=r"^c-[0-9A-Za-z-]{1,40}$")], context: Context[Any, Any, Any]
    ) -> Shown:
        """The whole record of a case: the ticket, every handoff between agents, passages, claims and cost."""
        with _calling(caller_of, context, "read") as caller:
            return Shown(case=await run_in_threadpool(_case, at, caller, case_id))


def _add_resources(server: FastMCP[Any], at: Doors, caller_of: CallerOf) -> None:
    @server.resource("opsdesk://cases/{case_id}", title="A case", mime_type="application/json")
    def case(case_id: str) -> dict[str, Any]:
        """A case as it is kept: ticket, handoffs, passages, claims, cost."""
        # As a parameter the context comes without its request.
        with _calling(caller_of, server.get_context(), "read") as caller:
            return _case(at, caller, case_id)

    @server.resource("opsdesk://documents/{kb}/{doc_id}", title="A document", mime_type="text/plain")
    def document(kb: str, doc_id: str) -> str:
        """The text of a document of a knowledge base; its id is percent-encoded. Internal ones are not handed out."""
        from knowledge_base.holdings import public_text

        with _calling(caller_of, server.get_context(), "read"):
            found = public_text(at.desk.settings.knowledge_bases, at.known(kb), unquote(doc_id))
            if found is None:
                raise Refused(404, "there is no such document; search_knowledge gives the addresses of those there are")
            return found


def _add_prompts(server: FastMCP[Any]) -> None:
    @server.prompt(title="Answer a ticket from the documents")
    def answer_ticket(ticket: str) -> str:
        """Draft a reply to a ticket, and say what a person still has to decide."""
        return (
            "Call draft_reply with this ticket, exactly as it stands. Show me the draft with its sources. If the "
            "outcome is not accepted, say what is missing and who should decide; add nothing that was not proven.\n\n"
            f"Ticket:\n{ticket}"
        )

    @server.prompt(title="Check a text of mine")
    def check_text(text: str) -> str:
        """Find what the documents say about a text, and hold it against them."""
        return (
            "For each thing that this text claims, call search_knowledge; then call check_answer with the text and "
            "the passages found. List each claim that is not supported with its reason, and correct it from them.\n\n"
            f"Text:\n{text}"
        )

    @server.prompt(title="Explain a case")
    def explain_case(case_id: str) -> str:
        """Say how an answer came about, and what it cost."""
        return (
            f"Call get_case with {case_id!r}. In plain words: what was asked, which passages were used, what the "
            "verifier refused and why, which models took part, and what it cost."
        )


@contextmanager
def _calling(caller_of: CallerOf, context: Context[Any, Any, Any], scope: ScopeName) -> Iterator[Caller]:
    """Who calls, and may; an error becomes what the calling model reads, never one with a secret or a path."""
    try:
        caller = caller_of(context)
        caller.must(scope)
        yield caller
    except Refused as refused:
        raise ToolError(refused.detail) from None
    except OpsdeskError as error:
        raise ToolError(told(error)) from None


async def _worked(at: Doors, caller: Caller, ticket: Ticket, kb: str) -> Answer:
    left = await run_in_threadpool(at.leave, caller, ticket, kb, caller.tenant or "", None, None)
    case = await at.case(left, at.patience)
    if case is None:
        raise ToolError(f"the crew has not come to it in time; look for {left.case_id} with get_case later")
    return Answer(
        case_id=case.case_id,
        outcome=case.outcome or "failed",
        reason=case.outcome_reason,
        answer=case.answer,
        citations=case.citations,
        cost_usd=case.cost_usd,
    )


def _case(at: Doors, caller: Caller, case_id: str) -> dict[str, Any]:
    found, asked = at.find(caller, case_id)
    at.ended(found, asked)  # raises where there will be none
    if found is None:
        raise Refused(404, "nobody has begun this case yet; look again later")
    return at.whole(found)


def _uri(kb: str, doc_id: str) -> str:
    return f"opsdesk://documents/{kb}/{quote(doc_id, safe='')}"


async def over_stdio(desk: Desk) -> None:
    """Serves whoever started this process, until it hangs up."""
    server, at = create_server(desk)
    async with at.following.running():
        await server.run_stdio_async()


def http_app(desk: Desk, hosts: Sequence[str]) -> Starlette:
    """The server over HTTP at `/mcp`: every call with a token, under one of `hosts`, from no page of elsewhere."""
    settings = desk.settings

    def caller_of(context: Context[Any, Any, Any]) -> Caller:
        request = context.request_context.request
        assert isinstance(request, Request)  # noqa: S101  (there is no other transport here)
        return gate.paced(request.state.caller)

    server, at = create_server(desk, caller_of)
    gate = Gate(at.tokens, settings.api_token, settings.rate_limit)
    named = [name for host in hosts for name in (host, f"{host}:*")]
    server.settings.transport_security = TransportSecuritySettings(
        allowed_hosts=named, allowed_origins=[f"{scheme}://{name}" for scheme in ("http", "https") for name in named]
    )
    app = server.streamable_http_app()
    app.state.doors = at
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        async with at.following.running(), inner(app):
            yield

    app.router.lifespan_context = life
    app.add_middleware(_Known, gate=gate)
    return app


class _Known:
    """Lets nobody in without a token, also where no tool is called, and tells who it is."""

    def __init__(self, app: Any, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes a request on, or answers that a token is needed."""
        if scope["type"] == "http":
            request = Request(scope)
            kind, secret = get_authorization_scheme_param(request.headers.get("authorization"))
            try:
                known = await run_in_threadpool(self._gate.known, secret if kind.lower() == "bearer" else "")
                request.state.caller = known
            except Refused as refused:
                await answer("/mcp", refused.status, refused.detail, refused.headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)
