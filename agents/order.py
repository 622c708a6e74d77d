"""The crew at work on one case: who goes next, and why. The only file that knows the order.

route -> retrieve -> write -> verify -> accepted
            |          ^        |  a judge is asked about wording alone, when a tier may judge
            |          |________|  revise once; then strike what failed, if no question loses its answer;
            |                   |  else escalate a tier, once
            |                   |-----> needs_human, with what is proven
            |-----> abstained or needs_human: nothing may be quoted, so nothing is written

A tier whose endpoint fails is replaced by another; when none answers, a person gets what was found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crewai.flow.flow import Flow, FlowState, listen, or_, router, start
from pydantic import JsonValue, PrivateAttr

from agents import writer
from agents.answer import number, present, renumber
from agents.experience import Experience
from agents.models import Tiers
from agents.quotes import settled
from agents.reply import Manner
from agents.retriever import Wanted
from agents.router import Decision
from agents.routing import Choice, Offer, decide, settled_by, signs_of, stand_ins
from agents.steps import Done, Steps
from agents.strike import Struck, strike
from agents.verifier import Opinion, Submission, describe, doubts, judge_tier, judged, recalled
from agents.writer import Assignment
from errors import (
    BudgetReached,
    EndpointError,
    LimitReached,
    OpsdeskError,
    Postponed,
    UnreadableAnswer,
)
from tasks.case import Case, Claim, Draft, Found, Outcome, Policy, Route, Tier, Verdict


@dataclass(frozen=True, slots=True)
class Dial:
    """How tiers are chosen: the policy, what was learned, the least tier for grave matters (None: the dearest), and
    the decision itself, for comparing it with others."""

    policy: Policy = "balanced"
    experience: Callable[[], Experience] = Experience
    high_stakes_tier: Tier | None = None
    decide: Callable[..., Choice] = decide


BALANCED = Dial()


class _State(FlowState):
    """What CrewAI keeps of a flow: nothing, since the case holds it all."""


class CaseFlow(Flow[_State]):
    """The way of one case. One object a case: a flow is not run twice."""

    _skip_auto_memory: bool = True
    _steps: Steps = PrivateAttr()
    _tiers: Tiers = PrivateAttr()
    _manner: Manner = PrivateAttr()
    _dial: Dial = PrivateAttr()
    _learned: Experience | None = PrivateAttr(default=None)
    _offered: list[Offer] | None = PrivateAttr(default=None)
    _route: Route = PrivateAttr()
    _tier: Tier = PrivateAttr()
    _shown: dict[int, int] = PrivateAttr(default_factory=dict)  # passage numbers as the writer reads them -> as shown
    _down: set[Tier] = PrivateAttr(default_factory=set)  # tiers whose endpoint failed in this case
    _tries: int = PrivateAttr(default=0)
    _escalated: bool = PrivateAttr(default=False)
    _draft: Draft | None = PrivateAttr(default=None)
    _rejected: list[Claim] = PrivateAttr(default_factory=list)
    _heard: list[Claim] = PrivateAttr(default_factory=list)  # what a judge has said of, so that it is asked once
    _judge_failed: bool = PrivateAttr(default=False)
    _remains: Struck | None = PrivateAttr(default=None)  # the most that was proven of a refused draft

    def __init__(self, steps: Steps, tiers: Tiers, manner: Manner, dial: Dial) -> None:
        # Unless it is told the state's class, CrewAI makes one anew for each case, which takes as long as a step.
        super().__init__(initial_state=_State, suppress_flow_events=True, tracing=False)
        self._steps, self._tiers, self._manner, self._dial = steps, tiers, manner, dial

    @property
    def _case(self) -> Case:
        return self._steps.case

    @start()
    def route(self) -> None:
        """What is asked, and who should write; a model is asked only where its word may change that."""
        decision, done = self._steps.do("route", "local", self._case.ticket, Decision)
        choice = self._choose(decision)
        if choice.doubt and not self._steps.limit(choice.doubt.tier):
            sent = decision.model_dump(mode="json")
            self._steps.hand_on(done, "router", "; ".join([*choice.reasons, choice.doubt.reason]), sent)
            opinion, done = self._steps.attempt("route", choice.doubt.tier, self._case.ticket, Decision)
            if isinstance(opinion, OpsdeskError):
                choice.reasons.append(f"{choice.doubt.tier} could not say more: {opinion}")
            else:
                decision = settled_by(decision, opinion)
                choice = self._choose(decision)
        reasons = [*decision.reasons, *choice.reasons]
        fields = decision.model_dump(exclude={"reasons"})
        self._route = Route(**fields, tier=choice.tier, reasons=reasons, signs=signs_of(self._case.ticket))
        self._case.route, self._tier = self._route, choice.tier
        self._steps.hand_on(done, "retriever", "; ".join(reasons), self._route.model_dump(mode="json"))

    def _choose(self, decision: Decision | Route, found: Found | None = None) -> Choice:
        """The tier that writes; once more when it is known what was found."""
        return self._dial.decide(
            decision,
            self._case.ticket,
            self._offers,
            self._experience,
            self._dial.policy,
            tokens=writer.tokens(self._case.quotable if found else None),
            usd_left=self._steps.usd_left,
            seconds_left=self._steps.seconds_left,
            found=found.confidence if found else None,
            high_stakes_tier=self._dial.high_stakes_tier,
        )

    @property
    def _experience(self) -> Experience:
        """As it was when the case began; read only where there is something to choose."""
        # No `cached_property`: up to Python 3.11 all objects of the class share its lock, and wait for each other.
        if self._learned is None:
            self._learned = self._dial.experience() if len(self._tiers.names) > 1 else Experience()
        return self._learned

    @property
    def _offers(self) -> list[Offer]:
        """What the tiers cost and take, cheapest first."""
        if self._offered is None:
            self._offered = [self._steps.offer(tier, self._experience) for tier in self._tiers.names]
        return self._offered

    @router(route)
    def retrieve(self) -> str:
        """The passages; without any that may be quoted, nothing is written."""
        wanted = Wanted(questions=self._route.questions, ticket=self._case.ticket)
        found, done = self._steps.do("retrieve", "local", wanted, Found)
        self._case.passages, self._case.proposed = found.passages, found.proposed
        if found.proposed and not self._route.approval:
            self._route.approval = f"the ticket asks for {found.proposed[0]}, which only a person may have done"
        size = sum(passage.weight for passage in self._case.quotable)
        self._route.signs = signs_of(self._case.ticket, found.confidence, size)
        sent: list[JsonValue] = [{"chunk_id": p.chunk_id, "score": p.score} for p in self._case.quotable]
        sent += [use.model_dump(mode="json") for use in found.tools]
        reason = "; ".join(dict.fromkeys(found.reasons))
        if self._case.quotable:
            reason += self._rerouted(found)
            self._steps.hand_on(done, "writer", reason, sent)
            return "found"
        if self._route.approval:
            return self._finish("needs_human", f"{reason}; a person has to decide: {self._route.approval}", done, sent)
        if found.passages:
            pages = ", ".join(sorted({p.title for p in found.passages}))
            reason = f"the answer stands only on internal pages, which are not quoted to a customer: {pages}"
            return self._finish("needs_human", reason, done, sent)
        return self._finish("abstained", reason, done, sent)

    def _rerouted(self, found: Found) -> str:
        """Takes another tier if what was found asks for it, and says so."""
        choice = self._choose(self._route, found) if len(self._tiers.names) > 1 else None
        if choice is None or choice.tier == self._tier:
            return ""
        self._tier = self._route.tier = choice.tier
        self._route.reasons += choice.reasons
        return "; now that this was found: " + "; ".join(choice.reasons)

    @listen(or_("found", "revise", "escalate"))
    def write(self) -> None:
        """A draft from the passages, with the claims that failed when it is not the first."""
        self._tries += 1
        questions = self._route.questions
        assignment = Assignment(
            ticket=self._case.ticket,
            questions=questions,
            passages=self._case.quotable,
            draft=self._draft,
            rejected=self._rejected,
        )
        written = self._written(assignment.numbered(self._shown))
        if written is None:
            return
        draft, done = written
        if self._shown:
            renumber(draft, self._shown)
        self._draft = settled(draft, self._case.quotable, len(questions))
        if self._tries == 1:
            self._shown = number(self._case.passages, self._draft)
        count = len(self._draft.sentences)
        self._steps.hand_on(done, "verifier", f"{count} sentences", self._draft.model_dump(mode="json"))

    def _written(self, assignment: Assignment) -> tuple[Draft, Done] | None:
        """A draft by the tier in charge or, when that one fails, by another; None when the case has ended instead."""
        while True:
            made, done = self._steps.attempt("write", self._tier, assignment, Draft)
            if isinstance(made, Draft):
                return made, done
            again = isinstance(made, UnreadableAnswer) and not assignment.problem
            next_ = self._tier if again and not self._steps.limit(self._tier) else self._instead(made)
            if next_ is None:
                self._unwritten(made, done)
                return None
            assignment.problem = str(made) if next_ == self._tier else ""
            told = "it is asked once more" if next_ == self._tier else f"{next_} writes instead"
            self._steps.hand_on(done, "writer", f"{made}; {told}", {}, failed=True)
            self._tier = next_

    def _instead(self, error: OpsdeskError) -> Tier | None:
        """Who writes when the tier in charge has failed; None when nobody is left."""
        self._down.add(self._tier)
        shared = isinstance(error, BudgetReached) and self._steps.shares(error)
        left = stand_ins(error, self._tiers.names, self._tier, self._dial.policy, first=self._tries == 1, shared=shared)
        return next((tier for tier in left if tier not in self._down and not self._steps.limit(tier)), None)

    def _unwritten(self, error: OpsdeskError, done: Done) -> None:
        """Ends a case whose draft nobody wrote: a person gets what was found, and what is proven of a draft before."""
        if isinstance(error, EndpointError) and not error.elsewhere:
            if self._steps.is_patient:  # all others of its batch would fail the same
                raise Postponed(str(error), "settings")
            self._steps.hand_on(done, "person", str(error), {}, failed=True)
            raise error
        if isinstance(error, BudgetReached) and self._steps.shares(error) and self._draft is None:
            raise Postponed(str(error), "budget")
        if isinstance(error, LimitReached):
            self._case.stopped_by, why = error.limit, str(error)
        else:
            why = f"{error}; nobody else is left to write"
        best = self._remains or (strike(self._draft, self._case.claims) if self._draft else None)
        if best:
            self._to_person(best, why, done, {})
        else:
            self._case.unanswered = [question.text for question in self._route.questions]
            reason = f"{why}; the passages that were found are kept with the case"
            self._finish("needs_human", reason, done, {}, failed=True)

    @router(write)
    def verify(self) -> str:
        """The proof decides what happens to the draft, and a judge where only the wording is in doubt."""
        if self._case.outcome:
            return self._case.outcome
        draft, asked = self._draft or Draft(sentences=[]), self._route.questions
        ticket, unresolved = self._case.ticket.text, self._steps.unresolved
        submission = Submission(
            draft=draft, passages=self._case.quotable, questions=asked, ticket=ticket, unresolved=unresolved
        )
        verdict, done = self._steps.do("verify", "local", submission, Verdict)
        verdict, done, note = self._judged(verdict, done)
        self._case.claims, self._rejected = verdict.claims, [c for c in verdict.claims if not c.supported]
        sent, reason = verdict.model_dump(mode="json"), note + describe(verdict)
        if verdict.supported:
            return self._send(draft, reason, done, sent)
        if not verdict.claims and draft.ask:
            present(self._case, draft, self._manner)
            return self._finish("needs_human", f"the answer depends on what is asked back: {draft.ask}", done, sent)
        if not verdict.claims:
            return self._finish("abstained", "no passage that was found answers the question", done, sent)
        if self._tries == 1 and not self._steps.limit(self._tier):
            self._steps.hand_on(done, "writer", f"{reason}; sent back once with the reasons", sent, failed=True)
            return "revise"
        return self._without_what_failed(strike(draft, verdict.claims), reason, done, sent)

    def _judged(self, verdict: Verdict, done: Done) -> tuple[Verdict, Done, str]:
        """The verdict with a judge's word where only the wording is in doubt and a tier may judge it.

        A judge that fails leaves what it was asked refused, and the case goes on.
        """
        verdict = recalled(verdict, self._heard)
        question = " ".join(question.text for question in self._route.questions)
        open_ = doubts(verdict, self._case.quotable, question)
        tier = judge_tier(self._route.stakes, self._tier, self._tiers)
        if not open_.claims or tier is None or self._judge_failed or self._steps.limit(tier):
            return verdict, done, ""
        reason = f"the wording of {len(open_.claims)} of {len(verdict.claims)} sentences is in doubt; {tier} is asked"
        self._steps.hand_on(done, "verifier", reason, verdict.model_dump(mode="json"))
        opinion, done = self._steps.attempt("verify", tier, open_, Opinion)
        if isinstance(opinion, OpsdeskError):
            self._judge_failed = True
            return verdict, done, f"the judge failed ({opinion}); "
        verdict = judged(verdict, open_, opinion)
        self._heard += [verdict.claims[doubt.index] for doubt in open_.claims]
        return verdict, done, f"judged by {tier}: "

    def _without_what_failed(self, result: Struck, reason: str, done: Done, sent: dict[str, JsonValue]) -> str:
        """A draft that failed again: strike what failed, escalate, or leave it to a person with what is proven."""
        if result.kept.sentences and not result.lost:
            self._case.claims = result.claims
            return self._send(result.kept, f"{reason}; {_told(result)}", done, {**sent, "struck": _plain(result)})
        if not self._remains or len(_answered(result)) >= len(_answered(self._remains)):
            self._remains = result
        dearer = None if self._escalated else self._above()
        next_ = dearer or (self._tier if self._tries == 1 else None)  # who would have been asked
        limit = self._steps.limit(next_) if next_ else None
        if dearer and not limit:
            self._tier, self._escalated = dearer, True
            self._steps.hand_on(done, "writer", f"{reason}; escalated to {dearer}", sent, failed=True)
            return "escalate"
        if limit:
            self._case.stopped_by, why = limit
        return self._to_person(
            self._remains, f"{reason}; {why if limit else 'nobody is left to improve it'}", done, sent
        )

    def _to_person(self, best: Struck, reason: str, done: Done, sent: dict[str, JsonValue]) -> str:
        """A person gets what is proven of a draft, if anything, and the questions that it leaves open."""
        questions = enumerate(self._route.questions)
        self._case.unanswered = [question.text for i, question in questions if i in best.kept.unanswered]
        if not best.kept.sentences:
            return self._finish("needs_human", reason, done, sent, failed=True)
        self._case.claims = best.claims
        present(self._case, best.kept, self._manner)
        reason = f"{reason}; {_told(best)}; questions left open: {len(best.lost)}"
        return self._finish("needs_human", reason, done, {**sent, "struck": _plain(best)}, failed=True)

    def _above(self) -> Tier | None:
        """The next dearer tier whose endpoint has not failed in this case."""
        names = self._tiers.names
        return next((tier for tier in names[names.index(self._tier) + 1 :] if tier not in self._down), None)

    def _send(self, draft: Draft, reason: str, done: Done, sent: object) -> str:
        """A draft of which everything is proven."""
        present(self._case, draft, self._manner)
        if self._route.approval:
            reason = f"{reason}; a person has to approve: {self._route.approval}"
            return self._finish("needs_human", reason, done, sent)
        return self._finish("accepted", reason, done, sent)

    def _finish(self, outcome: Outcome, reason: str, done: Done, sent: object, *, failed: bool = False) -> str:
        to = "person" if outcome == "needs_human" else "asker"
        if to == "person" and self._case.proposed:
            reason += f"; proposed, and not called: {', '.join(map(str, self._case.proposed))}"
        self._steps.hand_on(done, to, reason, sent, failed=failed)
        self._case.outcome, self._case.outcome_reason = outcome, reason
        return outcome


def _told(result: Struck) -> str:
    return f"{len(result.struck)} struck, the rest ({len(result.claims)}) is proven"


def _plain(result: Struck) -> list[JsonValue]:
    return [claim.model_dump(mode="json") for claim in result.struck]


def _answered(result: Struck) -> set[int]:
    return {sentence.question for sentence in result.kept.sentences} - set(result.lost)


# CrewAI makes it of the class when it is first used, and of several threads at once some would fail in that.
CaseFlow.flow_definition()
