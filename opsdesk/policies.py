"""A routing policy by its name, or out of a small TOML or YAML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.routing import POLICIES, QUOTING, TARGETS, Rules
from errors import UsageError
from opsdesk.settings import PaidName
from tasks.case import TIERS

Chance = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

MOST_BYTES = 64_000
"""Of a policy's file."""


class Targets(BaseModel):
    """The least chance of an accepted draft with which a tier is tried first, by what is at stake."""

    model_config = ConfigDict(extra="forbid")

    low: Chance = TARGETS["balanced"]["low"]
    high: Chance = TARGETS["balanced"]["high"]


class PolicyFile(BaseModel):
    """What a policy's file may say; what it does not is as in `balanced`."""

    model_config = ConfigDict(extra="forbid")

    targets: Targets = Targets()
    quoting: Chance = QUOTING["balanced"]
    """The same for the built-in model; 1 keeps it from writing wherever a paid tier can."""

    tiers: list[PaidName] | None = Field(default=None, min_length=1)
    """The paid tiers that may write; all that are configured when left out."""

    high_stakes_tier: PaidName | None = None
    """The least tier for law, security, deletion and money going out; the setting, or the dearest, when left out."""

    hard_and_high: Literal["dearest", "as targets say"] = "dearest"
    """Who writes about a hard ticket of high stakes."""

    @property
    def rules(self) -> Rules:
        """The policy as the router takes it."""
        return Rules(
            self.targets.low,
            self.targets.high,
            self.quoting,
            hard_and_high=self.hard_and_high == "dearest",
            tiers=TIERS if self.tiers is None else tuple(self.tiers),
            high_stakes_tier=self.high_stakes_tier,
        )


def rules_of(policy: str) -> tuple[str, Rules]:
    """The name of a policy and its rules. Raises `UsageError`, in one line, for a name or a file that will not do."""
    for name, rules in POLICIES.items():
        if name == policy:
            return name, rules
    path = Path(policy)
    if not path.is_file():
        raise UsageError(f'there is no policy and no file "{policy}"; name {", ".join(POLICIES)}, or a .toml or .yaml')
    given = _read(path)
    try:
        return path.name, PolicyFile.model_validate(given).rules
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        known = ", ".join(PolicyFile.model_fields)
        wrong = f"there is no such key; there are {known}" if first["type"] == "extra_forbidden" else first["msg"]
        raise UsageError(f"{path}: {where}: {wrong[:1].lower()}{wrong[1:]}; mend it and ask again") from None


def _read(path: Path) -> Any:
    if path.suffix not in (".toml", ".yaml", ".yml"):
        raise UsageError(f"{path}: a policy is a .toml or .yaml file; rename it, or name {', '.join(POLICIES)}")
    if path.stat().st_size > MOST_BYTES:
        raise UsageError(f"{path}: a policy has {MOST_BYTES:,} bytes at most; this is another file")
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text) or {}
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}; mend it and ask again") from None
