"""A mail's text without the earlier mail that it quotes below itself, where that is certain."""

from __future__ import annotations

import re

from knowledge_base.text import visible

_FORWARDED = re.compile(r"\s*(?:fwd?|wg|tr|i|rv)\s*:", re.IGNORECASE)
_WROTE = re.compile(r"\b(?:wrote|(?:schrieb|a écrit|escribió|ha scritto|schreef|escreveu|skrev|napisał)\b.*?)\W*:$")
_DATED = re.compile(r"\W*(?:on|am|le|el|il|op|em|den|w dniu)\b.*\d.*[^.!?]$", re.I)  # the first of two such lines
_ADDRESS = re.compile(r"[^\s@<>]@[^\s@<>]")
_ONLY_ADDRESS = re.compile(r"\d.*<\S+@\S+>\s*:$")  # as some mail programs begin: date, name <address>:
_ORIGINAL = re.compile(r"-{3,}\s*(?:original message|ursprüngliche nachricht|message d.origine|mensaje original)\s*-")
_HEADER = re.compile(
    r"\W*(?:from|sent|date|to|cc|subject|von|gesendet|an|betreff|de|envoyé|à|objet)\W*:", re.IGNORECASE
)
_RULE = re.compile(r"[\s_*-]*")
_LONGEST = 400  # characters of a line above a quoted mail


def without_quoted(text: str, subject: str = "") -> str:
    """The text above a quoted mail that goes to the end; all of it where anything is written between or below.

    What is forwarded is kept: there the quoted mail is the matter.
    """
    if _FORWARDED.match(subject):
        return text
    lines = text.split("\n")
    end = _tail(lines)
    if end == len(lines):
        quoted = max((n for n, line in enumerate(lines) if line.startswith(">")), default=-1)
        end = next((n for n in range(len(lines)) if _starts(lines, n, quoted)), end)
    while 0 < end < len(lines) and _RULE.fullmatch(lines[end - 1]):
        end -= 1
    kept = "\n".join(lines[:end])
    return kept if visible(kept).strip() else text


def _tail(lines: list[str]) -> int:
    """Where lines of ">" that end the text begin, with those above that say who wrote them.

    Without such a line they may be the asker's own: an error message is quoted like this too.
    """
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].startswith(">")):
        end -= 1
    if any(line.startswith(">") for line in lines[end:]):
        if end > 1 and _DATED.match(lines[end - 2].strip()) and _wrote(lines[end - 2 : end]):
            return end - 2
        if end and _wrote(lines[end - 1 : end]):
            return end - 1
    return len(lines)


def _starts(lines: list[str], n: int, quoted: int) -> bool:
    """Whether an earlier mail begins at line `n` that is not marked with ">"; `quoted` is the last line that is."""
    line = lines[n].strip()
    if not line or len(line) > _LONGEST:
        return False
    if _ORIGINAL.match(line.lower()):
        return True
    if _wrote([line]) and _ADDRESS.search(line):
        return quoted < n
    above = n > 0 and (not lines[n - 1].strip() or bool(_RULE.fullmatch(lines[n - 1])))
    return above and sum(bool(_HEADER.match(each)) for each in lines[n : n + 4]) >= 4


def _wrote(lines: list[str]) -> bool:
    line = " ".join(each.strip() for each in lines)
    return len(line) <= _LONGEST and bool(_WROTE.search(line) or _ONLY_ADDRESS.search(line))
