"""A model that gives the answers it was told to give, in order."""

from __future__ import annotations

import time
from typing import Any

from crewai.llms.base_llm import BaseLLM, llm_call_context
from pydantic import PrivateAttr


class Scripted(BaseLLM):
    """Queues replies; each call takes the next. `calls` counts them, and each reports 100 tokens read, 20 written."""

    _replies: list[str] = PrivateAttr(default_factory=list)
    _calls: list[list[dict[str, str]]] = PrivateAttr(default_factory=list)
    _seconds: float = PrivateAttr(default=0)
    _error: Exception | None = PrivateAttr(default=None)

    def __init__(
        self, *replies: str, model: str = "gpt-6.1-sol", seconds: float = 0, error: Exception | None = None
    ) -> None:
        super().__init__(model=model, provider="scripted")
        self._replies, self._seconds, self._error = list(replies), seconds, error

    @property
    def calls(self) -> list[list[dict[str, str]]]:
        """The messages of each call so far."""
        return self._calls

    def call(self, messages: Any, *_: Any, **__: Any) -> str:
        with llm_call_context():
            self._calls.append(messages)
            time.sleep(self._seconds)
            if self._error:
                raise self._error
            self._track_token_usage_internal({"prompt_tokens": 100, "completion_tokens": 20})
            return self._replies.pop(0)

    async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        return self.call(messages)

    def supports_function_calling(self) -> bool:
        return False
