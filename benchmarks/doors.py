"""`python -m benchmarks.doors`: many clients at once on `opsdesk serve`, offline: how long they wait, and what is lost.

Each client asks one question after the other over a connection of its own. Beside them some connections send half a
request and go silent, some read slowly, and some send 100 MB. Every answer is looked up in the database afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sqlalchemy as sa

from benchmarks.chaos import QUESTIONS, until
from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.task_list import cases
from tests.browser.served import environment, free_port

TOKEN = "benchmark-token-0123456789"
NUISANCES = 20
"""Connections of each kind that only hinder."""


async def client(url: str, number: int, end: float, seconds: list[float], seen: Counter[str], ids: set[str]) -> None:
    """Asks until the time is over."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=180) as http:
        turn = 0
        while time.monotonic() < end:
            turn += 1
            text = f"{QUESTIONS[(number + turn) % len(QUESTIONS)]} I am client {number}, turn {turn}."
            began = time.monotonic()
            try:
                answer = await http.post("/v1/cases", json={"text": text, "wait": 120})
            except httpx.HTTPError as error:
                seen[type(error).__name__] += 1
                continue
            seconds.append(time.monotonic() - began)
            seen[str(answer.status_code)] += 1
            if answer.status_code in (200, 202):
                ids.add(answer.json()["case_id"])


async def half(port: int, end: float) -> None:
    """Sends half a request, and waits."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /v1/cases HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n".encode())
    await asyncio.sleep(max(0.0, end - time.monotonic()))
    writer.close()


async def slow(port: int, end: float) -> None:
    """Asks for a page and reads a byte a second of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /v1/cases?limit=200 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    while time.monotonic() < end:
        await reader.read(1)
        await asyncio.sleep(1)
    writer.close()


async def huge(url: str, seen: Counter[str]) -> None:
    """Sends 100 MB."""

    async def body() -> Any:
        for _ in range(100):
            yield b"x" * 1_000_000

    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as http:
        try:
            seen[f"100 MB: {(await http.post('/v1/cases', content=body())).status_code}"] += 1
        except httpx.HTTPError:  # it hung up while more was being sent
            seen["100 MB: hung up"] += 1


async def load(port: int, clients: int, lasting: float) -> dict[str, Any]:
    """Everything at once."""
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + lasting
    seconds: list[float] = []
    seen: Counter[str] = Counter()
    ids: set[str] = set()
    askers = [client(url, number, end, seconds, seen, ids) for number in range(clients)]
    nuisances = [nuisance(port, end) for nuisance in (half, slow) for _ in range(NUISANCES)]
    began = time.monotonic()
    await asyncio.gather(*askers, *nuisances, *(huge(url, seen) for _ in range(NUISANCES)))
    return {
        "answers": len(seconds),
        "answers/s": round(len(seconds) / (time.monotonic() - began), 1),
        "p50_s": round(float(np.percentile(seconds, 50)), 2),
        "p95_s": round(float(np.percentile(seconds, 95)), 2),
        "worst_s": round(max(seconds), 2),
        "seen": dict(seen),
        "ids": ids,
    }


def run(clients: int, lasting: float, workers: int) -> dict[str, Any]:
    """Serves, and says what became of every question."""
    with tempfile.TemporaryDirectory(prefix="doors") as folder:
        home, port = Path(folder), free_port()
        desk = Desk(Settings(home=home))
        desk.index([SAMPLE / "docs"], "sample")
        settings = {"OPSDESK_API_TOKEN": TOKEN, "OPSDESK_RATE_LIMIT": 0}
        command = [sys.executable, "-m", "opsdesk", "serve", "--port", str(port), "--workers", str(workers)]
        with subprocess.Popen(command, env=environment(home, settings), stderr=subprocess.DEVNULL) as server:
            try:
                until(lambda: _ready(port), "the server did not come up", 120)
                found = asyncio.run(load(port, clients, lasting))
                with desk.task_list.database.reading() as db:
                    ended = set(db.execute(sa.select(cases.c.case_id).where(cases.c.outcome.is_not(None))).scalars())
            finally:
                server.terminate()
        desk.task_list.dispose()
    ids: set[str] = found.pop("ids")
    return {"clients": clients, **found, "cases kept": len(ended), "answers that were not kept": len(ids - ended)}


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.doors", description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = run(options.clients, options.seconds, options.workers)
    if options.json:
        print(json.dumps(found))
        return
    for what, value in found.items():
        print(f"{what:28} {value}")


if __name__ == "__main__":
    main()
