"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from pydantic import BaseModel

from opsdesk.api.access import Reads
from opsdesk.api.doors import Doors, doors
from opsdesk.api.problems import Refused, documented
from tasks.budget import NANO
from tasks.facts import Facts, Filters

router = APIRouter(tags=["status"])

ALWAYS = Filters(date(2000, 1, 1), date(9999, 12, 31))


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """Whether the server answers. Nothing else is looked at."""
    return Health()


@router.get("/readyz", responses=documented(503))
def readyz(request: Request) -> Health:
    """Whether work would be done: the database answers, there is a knowledge base, and a worker lives."""
    at = doors(request)
    if not at.desk.has_knowledge_bases():
        raise Refused(503, "there is no knowledge base yet; make one with: opsdesk index FOLDER")
    if not at.workers.alive():
        raise Refused(503, "no worker is alive; start one with: opsdesk worker")
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **documented(401, 403, 429, 503)},
)
def metrics(request: Request, caller: Reads) -> Response:
    """Figures for Prometheus: what cases came to and cost, read from the ledger at each look, and requests served.

    Only for the token of all tenants.
    """
    if caller.tenant is not None:
        raise Refused(403, "these are figures of all tenants; use OPSDESK_API_TOKEN")
    registry: CollectorRegistry = request.app.state.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Ledger(Collector):
    """The ledger's sums, as they are when somebody looks: no second counter that could disagree."""

    def __init__(self, at: Doors) -> None:
        self._at = at

    def collect(self) -> Iterator[Metric]:
        """Reads them."""
        labels = ["tenant", "outcome"]
        cases = CounterMetricFamily("opsdesk_cases", "Cases that have ended.", labels=labels)
        cost = CounterMetricFamily("opsdesk_cost_usd", "What is known to have been spent, in USD.", labels=labels)
        unknown = CounterMetricFamily("opsdesk_cases_of_unknown_cost", "Cases of unknown cost.", labels=labels)
        frontier = CounterMetricFamily(
            "opsdesk_compared_all_frontier_usd", "Estimate: the same on the dearest tier, in USD.", labels=labels
        )
        tokens = CounterMetricFamily("opsdesk_tokens", "Tokens, of the built-in model too.", labels=[*labels, "kind"])
        seconds = CounterMetricFamily("opsdesk_case_seconds", "Seconds that cases took.", labels=labels)
        for group in Facts(self._at.desk.task_list.database).grouped(("tenant", "outcome"), ALWAYS):
            key = [group.tenant, group.outcome]
            cases.add_metric(key, group.cases)
            cost.add_metric(key, group.spent_nano / NANO)
            unknown.add_metric(key, group.cost_unknown)
            frontier.add_metric(key, group.compared_frontier_nano / NANO)
            tokens.add_metric([*key, "read"], group.tokens_in)
            tokens.add_metric([*key, "written"], group.tokens_out)
            seconds.add_metric(key, group.milliseconds / 1000)
        workers = GaugeMetricFamily("opsdesk_workers", "Workers that are alive.", len(self._at.workers.alive()))
        waiting = GaugeMetricFamily("opsdesk_requests_open", "Requests that wait or are at work.")
        waiting.add_metric([], self._at.requests.open())
        yield from (cases, cost, unknown, frontier, tokens, seconds, workers, waiting)


def registry_of(at: Doors) -> tuple[CollectorRegistry, Histogram]:
    """The metrics of one server, and where it tells how long requests took."""
    registry = CollectorRegistry()
    registry.register(Ledger(at))
    took = Histogram(
        "opsdesk_http_seconds",
        "Seconds that requests took.",
        ("path", "status"),
        registry=registry,
        buckets=(0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
    )
    return registry, took
