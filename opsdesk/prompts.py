"""What each agent is told, read from its file: importing it would load CrewAI, which no page waits for."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from tasks.case import Agent

AGENTS = Path(__file__).resolve().parents[1] / "agents"


@cache
def prompt(agent: Agent) -> str:
    """The system prompt of an agent and the instruction above its input, as paid models get them in this version."""
    told: dict[str, str] = {}
    for node in ast.parse((AGENTS / f"{agent}.py").read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                told[name] = text
    return f"{told['PROMPT']}\n\n{told['INSTRUCTION']}"
