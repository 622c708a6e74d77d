"""Cases against the traces that a backend has of them: read back from a running Phoenix, or from a collector of ours.

Works tickets of the sample with simulated paid models over HTTP, at list prices, whose drafts are often wrong, so that
there are revisions. Each case must be one trace with a span of its own, one a handoff and one below that; agents,
kinds, tokens and money must be those of the ledger. `--phoenix http://127.0.0.1:6006` reads a running Phoenix by its
API.
"""

from __future__ import annotations

import argparse
import math
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx

from benchmarks.bench import nano_prices, show, simulator, with_model
from opsdesk.demo import DOCS, tickets
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Case
from tests.collector import Collector, attributes

MODELS = {"cheap": "gpt-6-luna", "frontier": "gpt-6.1-sol"}
KINDS = {"route": "LLM", "retrieve": "RETRIEVER", "write": "LLM", "verify": "LLM"}
WAIT_SECONDS = 30


class Span(NamedTuple):
    """A span as a backend has it."""

    trace: str
    id: str
    parent: str
    kind: str
    began: Any
    attributes: dict[str, Any]


def main() -> None:
    """Prints the comparison, or one JSON value with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phoenix", metavar="URL", help="a running Phoenix; default: a collector of our own")
    parser.add_argument("--cases", type=int, default=25)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    project = f"opsdesk-{secrets.token_hex(3)}"
    os.environ["OTEL_RESOURCE_ATTRIBUTES"] = f"openinference.project.name={project}"
    with Collector() as collector:
        cases = worked(options.phoenix or collector.url, options.cases)
        wanted = sum(1 + 2 * len(case.handoffs) for case in cases)
        found = until_there(options.phoenix, project, wanted) if options.phoenix else list(of_collector(collector))
    rows = compared(cases, found)
    if options.phoenix:
        rows["cost, USD: by Phoenix's own prices"] = {"traces": own_cost(options.phoenix, project)}
    where = (
        f"Phoenix, project {project}" if options.phoenix else "a collector of our own; --phoenix URL reads a real one"
    )
    show(rows, options.json, f"read back from {where}")


def worked(endpoint: str, count: int) -> list[Case]:
    """The cases of `count` tickets, told of to `endpoint`, with texts."""
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    with desk_with_paid_tiers() as desk:
        asked = tickets()
        cases = [desk.ask(asked[n % len(asked)], "sample", tenant="acme") for n in range(count)]
        desk.flush(WAIT_SECONDS)
        return cases


@contextmanager
def desk_with_paid_tiers() -> Iterator[Desk]:
    """A desk over the sample, in a temporary home, with two simulated paid tiers."""
    with TemporaryDirectory() as home, simulator() as url:
        for model, wrong in ((MODELS["cheap"], 0.6), (MODELS["frontier"], 0.1)):
            manners = {model: {"price": nano_prices(model), "wrong": wrong, "cache": True}}
            httpx.post(f"{url.removesuffix('/v1')}/control", json=manners, timeout=10).raise_for_status()
        tiers = {tier: {"model": model, "base_url": url, "api_key": "simulated"} for tier, model in MODELS.items()}
        settings = {"home": with_model(Path(home)), "tiers": tiers, "trace_text": True, "budget_usd": 5}
        desk = Desk(Settings.model_validate(settings))
        desk.index([DOCS], "sample")
        yield desk


def of_collector(collector: Collector) -> Iterator[Span]:
    """What our collector was told."""
    for span in collector.spans:
        found = attributes(span)
        kind = found["openinference.span.kind"]
        ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
        yield Span(*ids, kind, span.start_time_unix_nano, found)


def until_there(phoenix: str, project: str, wanted: int) -> list[Span]:
    """What Phoenix has once it has `wanted` spans, or has had time enough: it writes them a little later."""
    give_up = time.monotonic() + WAIT_SECONDS
    while True:
        found = list(of_phoenix(phoenix, project))
        if len(found) >= wanted or time.monotonic() > give_up:
            return found
        time.sleep(1)


def of_phoenix(phoenix: str, project: str) -> Iterator[Span]:
    """The spans of a project, through Phoenix's REST API."""
    cursor: str | None = ""
    while cursor is not None:
        asked = {"limit": "1000", **({"cursor": cursor} if cursor else {})}
        reply = httpx.get(f"{phoenix}/v1/projects/{project}/spans", params=asked, timeout=30)
        if reply.status_code == httpx.codes.NOT_FOUND:
            return
        reply.raise_for_status()
        page = reply.json()
        for span in page["data"]:
            ids = (span["context"]["trace_id"], span["context"]["span_id"], span["parent_id"] or "")
            yield Span(*ids, span["span_kind"], span["start_time"], span["attributes"])
        cursor = page["next_cursor"]


def own_cost(phoenix: str, project: str) -> float:
    """What Phoenix makes of the tokens with its own table of prices, in USD."""
    query = "{ projects { edges { node { name costSummary { total { cost } } } } } }"
    reply = httpx.post(f"{phoenix}/graphql", json={"query": query}, timeout=30)
    reply.raise_for_status()
    nodes = [edge["node"] for edge in reply.json()["data"]["projects"]["edges"]]
    return float(next(n["costSummary"]["total"]["cost"] or 0 for n in nodes if n["name"] == project))


def compared(cases: list[Case], spans: list[Span]) -> dict[str, dict[str, float]]:
    """The figures of the ledger beside those of the traces, and how many cases differ in anything."""
    roots = {span.attributes["opsdesk.case_id"]: span for span in spans if not span.parent}
    calls = [span.attributes for span in spans if span.kind == "LLM"]

    def told(name: str) -> float:
        return math.fsum(float(call.get(name, 0)) for call in calls)

    models = [h for case in cases for h in case.handoffs if h.task != "retrieve"]
    return {
        "cases, traces": {"ledger": len(cases), "traces": len({span.trace for span in spans})},
        "spans": {"ledger": sum(1 + 2 * len(case.handoffs) for case in cases), "traces": len(spans)},
        "model calls": {"ledger": sum(c.model_calls for c in cases), "traces": told("opsdesk.model_calls")},
        "tokens read": {"ledger": sum(h.tokens_in for h in models), "traces": told("llm.token_count.prompt")},
        "tokens written": {
            "ledger": sum(h.tokens_out for h in models),
            "traces": told("llm.token_count.completion"),
        },
        "cost, USD": {"ledger": math.fsum(c.cost_usd or 0 for c in cases), "traces": told("llm.cost.total")},
        "cases that differ": {"traces": sum(differs(case, roots.get(case.case_id), spans) for case in cases)},
    }


def differs(case: Case, root: Span | None, spans: Iterable[Span]) -> bool:
    """Whether the trace of a case is not, agent by agent, what the case says."""
    if root is None:
        return True
    mine = [span for span in spans if span.trace == root.trace]
    agents = [span for span in mine if span.parent == root.id]
    below = {span.parent: span for span in mine if span.kind in ("LLM", "RETRIEVER")}
    said = [
        (a.attributes["graph.node.id"], a.kind, below[a.id].kind, below[a.id].attributes.get("llm.cost.total"))
        for a in sorted(agents, key=lambda s: int(s.attributes["graph.node.id"].rpartition("-")[2]))
    ]
    told = [
        (f"{h.from_}-{h.seq}", "AGENT", KINDS[h.task], None if h.task == "retrieve" else h.cost_usd)
        for h in case.handoffs
    ]
    return root.kind != "CHAIN" or said != told or len(mine) != 1 + 2 * len(case.handoffs)


if __name__ == "__main__":
    main()
