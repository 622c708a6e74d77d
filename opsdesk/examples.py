"""Questions to begin with, out of a knowledge base's own headings."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ACTS = re.compile(
    r"^(?:how to )?((?:add|archive|back up|cancel|change|check|configure|connect|create|delete|deploy|disable|enable|"
    r"export|fix|import|install|invite|manage|migrate|move|order|pay|recover|remove|rename|renew|replace|report|request|"
    r"reset|restart|restore|revoke|roll back|rotate|set up|sign in|troubleshoot|turn off|turn on|update|upgrade|use|"
    r"verify)\b.*)",
    re.I,
)
_MINE = re.compile(r"\byour\b", re.I)


def questions(headings: Iterable[str], most: int = 4) -> list[str]:
    """Up to `most` questions, each made of a heading: those that are questions, then those that name an act.

    Without any of these the first titles are taken as they are.
    """
    lines = list(dict.fromkeys(" ".join(heading.split()) for heading in headings if 6 <= len(heading.strip()) <= 80))
    asked = [line for line in lines if line.endswith("?")]
    acts = [f"How do I {_lower(found.group(1))}?" for line in lines if (found := _ACTS.match(line.rstrip(".:")))]
    others = [line for line in lines if line not in asked and not _ACTS.match(line)]
    plain = [f"What should I know about {_lower(line)}?" for line in others[:most]]
    return [*dict.fromkeys([*asked[: most // 2], *acts, *asked[most // 2 :], *plain])][:most]


def _lower(line: str) -> str:
    """A heading as part of a sentence; names and abbreviations stay as they are."""
    first = line.split()[0]
    line = line if first[1:] != first[1:].lower() else line[0].lower() + line[1:]
    return _MINE.sub("my", line)
