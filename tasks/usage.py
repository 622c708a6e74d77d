"""Tokens: what a step read and wrote."""

from __future__ import annotations

from dataclasses import dataclass, fields

CHARACTERS_PER_TOKEN = 4
"""The usual rule of thumb for English, used where no tokenizer reports a count."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one step, and how many model calls they took.

    `tokens_in` includes the cached ones and `tokens_out` the reasoning ones, as OpenAI counts. `unknown` are the calls
    whose usage nobody told, or told absurdly; what such a step cost is not known.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    model_calls: int = 0
    unknown: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Usage)))


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has: its length in characters over four, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
