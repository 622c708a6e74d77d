"""Asking the simulated model with the unmodified OpenAI client: what tests of it share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import httpx
import openai

from agents import writer
from agents.executor import describe
from agents.writer import Assignment
from tasks.case import Passage, Question, Ticket
from tests.agents.bench import ACCESS, PRICE, passage
from tests.simulator import Simulator

KEY = "key-canary-0123456789"
SMALL = "small-1"
Messages = list[dict[str, str]]
PING: Messages = [{"role": "system", "content": "You are asked."}, {"role": "user", "content": "ping"}]
PAGES = [
    passage(1, f"{PRICE} The Team plan costs $99 per seat per month, and its trial lasts 14 days."),
    passage(2, f"{ACCESS} Calls above that number are refused with status 429 until the next day."),
]


@lru_cache
def _client(base_url: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=base_url, max_retries=0, timeout=30)


def client(sim: Simulator, key: str = KEY) -> openai.OpenAI:
    return _client(sim.base_url, key)


def ask(to: openai.OpenAI, messages: Messages = PING, model: str = SMALL, **more: Any) -> Any:
    return to.chat.completions.create(model=model, messages=cast(Any, messages), **more)


def streamed(to: openai.OpenAI, messages: Messages = PING, **more: Any) -> tuple[list[str], Any]:
    """The pieces of a stream, and the usage at its end."""
    chunks = list(ask(to, messages, stream=True, stream_options={"include_usage": True}, **more))
    return [c.choices[0].delta.content or "" for c in chunks if c.choices], chunks[-1].usage


def asked_to_write(text: str, pages: list[Passage] = PAGES, **more: Any) -> Messages:
    """What a writer is sent, as the crew sends it."""
    questions = [Question(text=text)]
    given = Assignment(ticket=Ticket(text=text), questions=questions, passages=pages, **more)
    return sent(writer.PROMPT, describe(writer.INSTRUCTION, given, short=True))


def sent(prompt: str, task: str) -> Messages:
    return [{"role": "system", "content": prompt}, {"role": "user", "content": task}]


def content(reply: Any) -> str:
    return str(reply.choices[0].message.content)


def get(sim: Simulator, path: str) -> Any:
    return httpx.get(sim.base_url.removesuffix("/v1") + path).json()


def post(sim: Simulator, path: str, body: object = None) -> httpx.Response:
    return httpx.post(sim.base_url.removesuffix("/v1") + path, json=body or {})
