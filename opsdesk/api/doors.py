"""What stands behind every path: the desk, who waits for what, and how a ticket becomes a case."""

from __future__ import annotations

from typing import Any

from fastapi import Request as HttpRequest
from starlette.concurrency import run_in_threadpool

from errors import OpsdeskError, UsageError
from opsdesk import webhooks
from opsdesk.api.access import Caller
from opsdesk.api.following import Following
from opsdesk.api.problems import Refused
from opsdesk.api.proving import Prover
from opsdesk.desk import Desk
from opsdesk.show import case_json
from opsdesk.tickets import check_ticket
from tasks.case import Case, Policy, Ticket
from tasks.drafts import Drafts
from tasks.repeats import MAX_KEY, Once
from tasks.requests import Request, Requests
from tasks.tokens import Tokens
from tasks.webhooks import Webhooks
from tasks.workers import Workers


class Doors:
    """One a server."""

    def __init__(self, desk: Desk) -> None:
        database = desk.task_list.database
        self.desk = desk
        self.requests, self.drafts = Requests(database, desk.now), Drafts(database, desk.now)
        self.tokens, self.workers = Tokens(database, desk.now), Workers(database, desk.now)
        self.webhooks = Webhooks(database, desk.now)
        webhooks.target(desk.settings)  # the owner's, which is told of everything, is wrong before anybody asks
        self.following, self.prover = Following(self.requests), Prover()
        self.patience = desk.settings.deadline_s + 60
        """Seconds for a case: its own, and those it may wait for a place."""

    def once(self, caller: Caller, key: str | None, asked: Any) -> Once | None:
        """The idempotency key of a request. Raises `Refused` for one that is no key."""
        if key is None:
            return None
        if not key.strip() or len(key) > MAX_KEY:
            raise Refused(422, f"an Idempotency-Key has 1 to {MAX_KEY} characters")
        return Once(caller.tenant or "", key, asked, self.desk.now)

    def leave(
        self,
        caller: Caller,
        ticket: Ticket,
        kb: str,
        tenant: str,
        policy: Policy | None,
        once: Once | None,
        webhook_url: str = "",
    ) -> Request:
        """Leaves a ticket for the crew.

        Raises `Refused` for a policy that the tiers do not allow, and for a URL that is told of nothing.
        """
        check_ticket(ticket)
        try:
            _ = self.desk.under(policy or self.desk.settings.policy).tiers
        except UsageError as error:
            raise Refused(409, str(error)) from None
        kb = self.known(kb)
        body: dict[str, Any] = {"ticket": ticket.model_dump(mode="json"), "tenant": tenant, **self.told_to(webhook_url)}
        if policy:
            body["policy"] = policy
        return self.requests.get(self.requests.leave("ask", body, person=caller.person, kb=kb, once=once))

    def told_to(self, webhook_url: str) -> dict[str, str]:
        """Who is told of the end, to be kept with what is left. Raises `Refused`."""
        settings = self.desk.settings
        try:
            return webhooks.told_to(settings, webhook_url)
        except UsageError as error:
            raise Refused(422 if settings.webhook_secret else 409, str(error)) from None

    def known(self, kb: str) -> str:
        """The name of a knowledge base that is there. Raises `NoKnowledgeBase`."""
        return self.desk.knowledge_base(kb).kb

    async def case(self, request: Request, seconds: float) -> Case | None:
        """The case of a request as soon as it has ended; None when it has not within `seconds`.

        Raises `OpsdeskError` for one that could not be worked.
        """
        if request.is_open and not await self.following.ended(request.id, seconds):
            return None
        return await run_in_threadpool(self._ended, request.id)

    def _ended(self, request_id: str) -> Case | None:
        request = self.requests.get(request_id)
        return self.ended(self.desk.task_list.find(request.case_id), request)

    def ended(self, case: Case | None, request: Request | None) -> Case | None:
        """The case when it has ended; None while it still may.

        Raises `OpsdeskError` where it could not be worked, and `Refused` where it was stopped before it had an end.
        """
        if case and case.outcome:
            return case
        if request and request.status == "failed":
            raise OpsdeskError(request.error)
        if request and request.status == "stopped":
            raise Refused(409, "it was stopped before it came to an end; ask again")
        return None

    def find(self, caller: Caller, case_id: str) -> tuple[Case | None, Request | None]:
        """A case and what it was asked by; a case that nobody has begun yet is None. Raises `Refused`."""
        request = self.requests.of_case(case_id)  # first: it ends after its case, so never without it here
        case = self.desk.task_list.find(case_id)
        tenant = case.tenant if case else request.body.get("tenant", "") if request else None
        if tenant is None or not caller.sees(tenant):
            raise Refused(404, "there is no such case")
        return case, request

    def whole(self, case: Case) -> dict[str, Any]:
        """A case as the contract has it."""
        return case_json(case, self.desk.stale(case))


def doors(request: HttpRequest) -> Doors:
    """What stands behind the path of a request."""
    found: Doors = request.app.state.doors
    return found
