"""What flows through the house: a ticket goes in, handoffs pile up, a case comes out.

Plain data. Anything that can be derived (cost, tokens, time) is derived from the handoffs, so that
there is no second counter that could disagree.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, computed_field

Tier = Literal["local", "cheap", "mid", "frontier"]
TIERS: tuple[Tier, ...] = ("local", "cheap", "mid", "frontier")
LOCAL_MODEL = "built-in extractive model"
"""The model of the tier `local`, wherever a model is named."""

Policy = Literal["balanced", "cheapest", "best", "offline"]
"""How the tier that writes is chosen."""

Outcome = Literal["accepted", "needs_human", "abstained", "failed"]
StepName = Literal["route", "retrieve", "write", "verify"]
Agent = Literal["router", "retriever", "writer", "verifier"]
Status = Literal["todo", "doing", "done", "failed", "skipped"]

EVALUATION = "opsdesk-eval"
"""The tenant of the cases that a regression suite makes, so that figures and bills tell them apart."""

LONG_TICKET = 600
"""Characters above which a ticket counts as long."""

STEPS: dict[StepName, Agent] = {
    "route": "router",
    "retrieve": "retriever",
    "write": "writer",
    "verify": "verifier",
}
"""The four steps in order, and the agent who owns each."""


class Ticket(BaseModel):
    """What a person asks.

    `kind` decides the form of the answer: a reply to a ticket has a greeting, an answer has none.
    `audience` is who reads it: only staff are shown what internal pages say.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    ticket_id: str = ""
    subject: str = ""
    customer: str = ""
    kind: Literal["question", "reply"] = "question"
    audience: Literal["customer", "staff"] = "customer"
    earlier: tuple[str, ...] = Field(
        default=(), description="what was asked before in the same conversation, the last last"
    )


class Question(BaseModel):
    """One thing that a ticket asks. `context` is what its words point back to ("how much is *it*?").

    `stated` marks a ticket that asks nothing in so many words: its text is then taken whole.
    """

    text: str
    context: str = ""
    stated: bool = False

    @property
    def search_text(self) -> str:
        """What to look for: the question with its context."""
        return f"{self.text} {self.context}".strip()


class Signs(BaseModel):
    """What else of a ticket its tier is chosen by; kept, so that it can be decided on again under another policy."""

    long: bool
    coded: bool = Field(description="it holds an identifier or an error code")
    grave: str = Field(description="the word by which it touches law, security, deletion or a refund, or nothing")
    found: float | None = Field(default=None, description="0..1, the retriever's confidence; None: not looked yet")
    passages_bytes: int | None = Field(default=None, description="of the passages that the writer may read")


class Route(BaseModel):
    """The router's decision. `reasons` are plain sentences, shown to people as they are."""

    intent: str
    complexity: Literal["simple", "hard"]
    stakes: Literal["low", "high"]
    tier: Tier
    reasons: list[str]
    questions: list[Question]
    approval: str = Field(default="", description="why a person has to approve the reply; empty when none has to")
    signs: Signs | None = Field(default=None, description="None in cases of before they were kept")


class Passage(BaseModel):
    """A chunk that the retriever laid before the writer; `n` is its citation number in this case."""

    n: int
    doc_id: str
    chunk_id: str
    position: int = Field(default=0, description="its place in the knowledge base: a document's passages in order")
    title: str
    locator: str
    headings: list[str] = []
    text: str
    score: float
    questions: list[int] = Field(default=[0], description="indices into Route.questions that it was found for")
    modified: str | None = None
    internal: bool = False
    deprecated: bool = False
    doc_sha256: str = Field(default="", description="the version of the document that was read")

    @property
    def weight(self) -> int:
        """About how many bytes it takes in a prompt: its text, its title and what stands around them."""
        return len(self.text.encode()) + len(self.title) + 200


class Quote(BaseModel):
    """Words of a passage: `n` is its citation number, `text` stands in it verbatim."""

    n: int
    text: str


class Sentence(BaseModel):
    """One sentence, step or command of a draft, with the words that it was taken from.

    `question` is the index into Route.questions of the question that it answers.
    """

    text: str
    kind: Literal["prose", "item", "step", "code"] = "prose"
    quotes: list[Quote] = []
    question: int = 0

    @property
    def citations(self) -> list[int]:
        """The numbers of the passages that it quotes, each once, in order."""
        return list(dict.fromkeys(quote.n for quote in self.quotes))


TOOL_RESULT = "mcp:"
"""Begins the `doc_id` of a passage that a tool of an MCP server has told, and no document."""


class ToolCall(BaseModel):
    """A tool of an MCP server, and what it is told."""

    server: str
    tool: str
    arguments: dict[str, JsonValue] = {}

    def __str__(self) -> str:
        return f"{self.server}.{self.tool}({', '.join(f'{name}={value}' for name, value in self.arguments.items())})"


class ToolUse(BaseModel):
    """A call that was made; `error` says in plain words why nothing came of it, and is empty when something did."""

    call: ToolCall
    seconds: float
    error: str = ""


class Found(BaseModel):
    """What the retriever hands on; `reasons` says per question how well it was found, or why not.

    `proposed` are calls that would change something, which only a person may make.
    """

    passages: list[Passage]
    reasons: list[str]
    tools: list[ToolUse] = []
    proposed: list[ToolCall] = []
    confidence: float | None = Field(default=None, description="0..1: that the passages answer the question least sure")


class Draft(BaseModel):
    """What the writer hands on. `unanswered` are indices into Route.questions: what the passages do not answer.

    `ask` is a question back to the asker, when the passages answer differently for cases that the ticket
    does not tell apart; else it is empty.
    """

    sentences: list[Sentence]
    unanswered: list[int] = []
    ask: str = ""


class Claim(BaseModel):
    """One checked statement of an answer; `reason` is empty when it is supported."""

    text: str
    supported: bool
    citations: list[int]
    reason: str = ""


class Verdict(BaseModel):
    """What the verifier hands on; `score` runs from 0 to 1, where 1 is fully supported.

    `undecided` are indices into `claims`: not supported, but by their wording alone; no figure, quote,
    citation or negation of theirs failed.
    """

    supported: bool
    score: float
    claims: list[Claim]
    undecided: list[int] = []


class Citation(BaseModel):
    """Where a numbered mark in the answer points; `quote` is verbatim from the passage."""

    n: int
    doc_id: str
    title: str
    locator: str
    quote: str


class Task(BaseModel):
    """One step of the shared task list. `owner` is the process at work on it."""

    name: StepName
    agent: Agent
    status: Status = "todo"
    attempts: int = 0
    owner: str = ""


class Handoff(BaseModel):
    """What one agent passed to the next, and what that step took.

    Costs are in USD and None when unknown, never 0. `payload` holds `received` and `sent`, as JSON.
    """

    model_config = ConfigDict(populate_by_name=True)

    seq: int
    from_: str = Field(alias="from")
    to: str
    task: StepName
    attempt: int
    status: Literal["done", "failed"]
    reason: str
    tier: Tier
    model: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int = Field(default=0, description="of tokens_in, those read from the provider's prompt cache")
    tokens_reasoning: int = Field(default=0, description="of tokens_out, those that were thought and not written")
    tokens_estimated: bool = False
    model_calls: int = Field(default=0, description="calls to a language model; the built-in model makes none")
    cost_usd: float | None
    cost_at_most_usd: float | None = Field(default=None, description="where cost_usd is unknown: what was held for it")
    cost_all_frontier_usd: float | None
    started_at: datetime
    seconds: float
    payload: dict[str, JsonValue] = {}

    @property
    def sent(self) -> dict[str, JsonValue]:
        """What it passed on, by name; empty where that is a list or a text."""
        sent = self.payload.get("sent")
        return sent if isinstance(sent, dict) else {}


def _total(amounts: list[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if len(known) == len(amounts) else None


class Case(BaseModel):
    """One ticket's whole story. Steps append to it; what it cost is a sum over `handoffs`."""

    case_id: str
    ticket: Ticket
    kb: str
    tenant: str = ""
    batch_id: str = ""
    created_at: datetime
    outcome: Outcome | None = Field(default=None, description="None while the crew is at work")
    outcome_reason: str = ""
    stopped_by: Literal["budget", "deadline", "interrupt"] | None = None
    answer: str = ""
    citations: list[Citation] = []
    claims: list[Claim] = []
    unanswered: list[str] = Field(default=[], description="the ticket's questions that the answer leaves open")
    route: Route | None = None
    passages: list[Passage] = []
    proposed: list[ToolCall] = Field(default=[], description="what a person may have a tool do; never called")
    tasks: list[Task] = Field(default_factory=lambda: [Task(name=name, agent=agent) for name, agent in STEPS.items()])
    handoffs: list[Handoff] = []
    seconds: float = 0.0

    @property
    def quotable(self) -> list[Passage]:
        """The passages that the reader of the answer may see: only staff are shown internal pages."""
        return [p for p in self.passages if self.ticket.audience == "staff" or not p.internal]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cost_usd(self) -> float | None:
        """Sum over the handoffs, in USD; None when any of them is unknown."""
        return _total([h.cost_usd for h in self.handoffs])

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cost_is_known(self) -> bool:
        """Whether every handoff's cost is known."""
        return self.cost_usd is not None

    @property
    def cost_at_most_usd(self) -> float:
        """What it can have cost at most, in USD: known costs, and what was held where the usage is unknown."""
        return math.fsum(h.cost_usd if h.cost_usd is not None else h.cost_at_most_usd or 0.0 for h in self.handoffs)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cost_all_frontier_usd(self) -> float | None:
        """Estimate: the same tokens at the reference model's list price, in USD; None without a price."""
        return _total([h.cost_all_frontier_usd for h in self.handoffs])

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tokens_in(self) -> int:
        """Tokens read, over all handoffs."""
        return sum(h.tokens_in for h in self.handoffs)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def tokens_out(self) -> int:
        """Tokens written, over all handoffs."""
        return sum(h.tokens_out for h in self.handoffs)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def model_calls(self) -> int:
        """Calls to a language model, over all handoffs."""
        return sum(h.model_calls for h in self.handoffs)

    def task(self, name: StepName) -> Task:
        """The task of that step."""
        return next(task for task in self.tasks if task.name == name)
