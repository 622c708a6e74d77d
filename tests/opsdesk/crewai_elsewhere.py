"""A CrewAI agent in a process of its own, whose only tools are those of `opsdesk mcp`: python -m … QUESTION.

Its model is a script: it calls answer_question with what it was asked, and tells what it heard, as JSON behind SAID on
standard error.
"""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true",
    CREWAI_TRACING_ENABLED="false",
    CREWAI_DISABLE_VERSION_CHECK="true",
    CREWAI_STORAGE_DIR=f"{os.environ['OPSDESK_HOME']}/elsewhere",
)

from crewai import Agent
from crewai.llms.base_llm import BaseLLM
from crewai.mcp import MCPServerStdio


class Scripted(BaseLLM):
    """A model that knows how to use one tool."""

    def call(self, messages: Any, *_: Any, **__: Any) -> str:
        text = "\n".join(str(message["content"]) for message in messages)
        if heard := re.search(r"Observation: (\{.*\})", text, re.DOTALL):
            return f"Thought: I now know it\nFinal Answer: {heard[1]}"
        # CrewAI names a tool after the server's whole command, and cuts that; its description is ours.
        tool = next(part.split()[0] for part in text.split("Tool Name: ") if "Answer one operational" in part)
        # CrewAI asks for what has a default, too.
        given = {"question": sys.argv[1], "kb": "", "audience": "customer"}
        return f"Thought: I ask\nAction: {tool}\nAction Input: {json.dumps(given)}"

    async def acall(self, messages: Any, *more: Any, **named: Any) -> str:
        return self.call(messages, *more, **named)

    def supports_function_calling(self) -> bool:
        return False


def main() -> None:
    server = MCPServerStdio(
        command=sys.executable, args=["-m", "opsdesk", "mcp", "--workers", "0"], env=dict(os.environ)
    )
    model = Scripted(model="scripted")
    agent = Agent(role="r", goal="g", backstory="b", llm=model, mcps=[server], max_iter=4, verbose=False)
    said: Any = agent.kickoff(sys.argv[1])
    # CrewAI writes to standard output at any time.
    sys.stderr.write(f"\nSAID {json.dumps(json.loads(said.raw))}\n")


if __name__ == "__main__":
    main()
