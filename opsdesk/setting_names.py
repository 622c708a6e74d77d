"""Names that look like settings and are none: a typo in the name of a cap would otherwise be no cap."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from errors import UsageError

_LIKE = 0.75
"""How alike a name must be to a setting's to be taken for a slip of it; the share of letters in order, 0..1."""

_CAP = "budget"
"""What has this in its name is meant as a cap on money, whatever else stands there."""

_SERVICE_LINK = re.compile(r"(?:^|_)(?:service_(?:host|port(?:_\w+)?)|port(?:_\d+_(?:tcp|udp|sctp)(?:_\w+)?)?)$")
"""What Kubernetes sets in every container for a service named opsdesk, or opsdesk-database."""


def check_variables(given: Iterable[str], prefix: str, known: Collection[str], nested: Collection[str]) -> list[str]:
    """The variables, of those that begin with `prefix`, that are no settings and like none, in capitals.

    All names are in small letters; `nested` are those of `known` that go on with two underscores. Raises `UsageError`
    for one that is like a setting's name. What is like none may belong to something else that is run beside Opsdesk.
    """
    strange = []
    for variable in sorted(given):
        name = variable.removeprefix(prefix)
        head, _, rest = name.partition("__")
        if name == variable or (head in known and (not rest or head in nested)) or _SERVICE_LINK.search(name):
            continue
        if meant := _meant(name, known, nested):
            raise UsageError(
                f"{variable.upper()}: there is no such setting; is {prefix.upper()}{meant} meant? Mend the name, or "
                "choose another if it is not for Opsdesk"
            )
        strange.append(variable.upper())
    return strange


def check_keys(given: Iterable[str], known: Collection[str], nested: Collection[str]) -> None:
    """Raises `UsageError` for a key of opsdesk.toml that is no setting: that file is for Opsdesk alone."""
    for key in sorted(set(given) - set(known)):
        meant = _meant(key.lower(), known, nested).lower()
        what = f"is {meant} meant? Mend the name" if meant else "docs/settings.md lists those there are; mend the name"
        raise UsageError(f"opsdesk.toml: there is no setting {key!r}; {what}, or take the line out")


def _meant(name: str, known: Collection[str], nested: Collection[str]) -> str:
    """The setting that a name is a slip of, in capitals; empty where it is like none."""
    if slips := [head for head in nested if name.startswith(f"{head}_")]:
        return f"{slips[0]}__{re.sub('_+', '__', name.removeprefix(slips[0]).strip('_'), count=1)}".upper()
    found = get_close_matches(name, known, 1, _LIKE) or get_close_matches(name.split("__")[0], known, 1, _LIKE)
    if not found and _CAP in name:
        found = get_close_matches(name, [other for other in known if _CAP in other], 1, 0.0)
    return found[0].upper() if found else ""
