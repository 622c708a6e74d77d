"""How things are printed: for people through rich, for programs as the contract's JSON."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from errors import UsageError
from opsdesk.attribution import blame
from opsdesk.display import usd
from tasks.case import Case, Handoff

if TYPE_CHECKING:
    from knowledge_base.index import IndexReport
    from knowledge_base.proof import Proof
    from knowledge_base.search import Hit
    from opsdesk.known import KnowledgeBase, Stale

PIPED_WIDTH = 100
_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}  # names are anybody's
console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, **_PLAIN)
notes = Console(stderr=True, width=None if sys.stderr.isatty() else PIPED_WIDTH, **_PLAIN)

COLOURS = {"router": "magenta", "retriever": "blue", "writer": "green", "verifier": "yellow"}
OUTCOME_COLOURS = {
    "in progress": "white",
    "accepted": "green",
    "needs_human": "yellow",
    "abstained": "cyan",
    "failed": "red",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Value = TypeVar("Value")


def text(untrusted: str, style: str = "") -> Text:
    """Documents and tickets may hold anything: control and bidi characters are shown as a mark, no markup is read."""
    return Text(_CONTROL.sub("\ufffd", untrusted), style=style)


# --- input -----------------------------------------------------------------------------------------


def read_stdin() -> str:
    """Standard input as text. Raises `UsageError` when it is not UTF-8."""
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError("standard input is not UTF-8 text; pass the question as plain text") from error


def json_lines(path: Path, required: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each object of a .jsonl file stands, and the object. Raises `UsageError` naming the first bad line."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    where = f"{path}:{number}"
                    yield where, _json_object(line, where, required)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise UsageError(f"{path}: {reason}; give a .jsonl file") from error


def _json_object(line: str, where: str, required: Sequence[str]) -> dict[str, Any]:
    try:
        value = json.loads(line)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # a lone surrogate is a ValueError too
        raise UsageError(f"{where}: not JSON ({error}); mend that line") from error
    missing = [name for name in required if not isinstance(value, dict) or name not in value]
    if missing:
        raise UsageError(f'{where}: "{missing[0]}" is missing; each line needs {", ".join(required)}')
    found: dict[str, Any] = value
    return found


# --- JSON ------------------------------------------------------------------------------------------


def case_json(case: Case, stale: Sequence[Stale] = ()) -> dict[str, Any]:
    """A case in the shape of the contract, with the cited documents that have changed since, and who failed first."""
    first = blame(case)
    return {
        **case.model_dump(mode="json", by_alias=True),
        "stale": [document._asdict() for document in stale],
        "first_failure": first._asdict() if first else None,
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit in the shape of the contract."""
    return {name: getattr(hit, name) for name in ("doc_id", "chunk_id", "title", "locator", "score", "text")}


def report_json(report: IndexReport) -> dict[str, Any]:
    """An indexing report in the shape of the contract."""
    skipped = [{"path": one.path, "reason": one.reason} for one in report.skipped]
    return {**asdict(report), "skipped": skipped}


def kb_json(found: KnowledgeBase) -> dict[str, Any]:
    """A knowledge base as JSON; times are ISO 8601."""
    return {**asdict(found), "created": found.created.isoformat(), "indexed": found.indexed.isoformat()}


def proof_json(proof: Proof) -> dict[str, Any]:
    """A proof in the shape of the contract, without its id."""
    names = ("text", "supported", "reason", "passage", "span")
    claims = [{name: getattr(claim, name) for name in names} for claim in proof.claims]
    return {"supported": proof.supported, "score": proof.score, "claims": claims}


# --- progress --------------------------------------------------------------------------------------


@contextmanager
def progress(what: str, unit: str) -> Iterator[Callable[..., None]]:
    """A progress line on stderr, with rate, time left and what else is told; nothing when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total, also="": None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes, transient=True) as bar:
        task = bar.add_task(what, total=None, rate=unit)

        def advance(done: int, total: int, also: str = "") -> None:
            bar.update(task, completed=done, total=total or None)
            speed = bar.tasks[0].speed
            rate = f"{speed:.0f} {unit}/s" if speed else unit
            bar.update(task, rate=f"{rate} · {also}" if also else rate)

        yield advance


def waiting(what: str) -> AbstractContextManager[object]:
    """A spinner on stderr while something takes a while; nothing when stderr is not a terminal."""
    return notes.status(what) if sys.stderr.isatty() else nullcontext()


def timed(work: Callable[[], Value]) -> tuple[Value, float]:
    """What `work` returns, and how many milliseconds it took."""
    began = time.perf_counter()
    return work(), round((time.perf_counter() - began) * 1000, 2)


# --- for people ------------------------------------------------------------------------------------


class Following:
    """Shows a case as it is worked: each handoff and, where somebody looks, what a paid tier is writing.

    What it writes is unproven, and goes again with the handoff that it ends in.
    """

    def __init__(self) -> None:
        self._live: Live | None = None

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def hear(self, _: Case, said: str) -> None:
        """Takes what the writer has said so far."""
        if not notes.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=notes, transient=True, refresh_per_second=8)
            self._live.start()
        self._live.update(text(f"(unproven) {said}", "dim"))

    def watch(self, case: Case, step: Handoff) -> None:
        """Takes a handoff."""
        self._clear()
        handoff(case, step)

    def _clear(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def report(found: IndexReport) -> None:
    """What an index run did."""
    console.print(
        f"{found.kb}: {found.documents} documents, {found.chunks} chunks "
        f"({found.added} added, {found.updated} updated, {found.removed} removed, {found.unchanged} unchanged) "
        f"in {found.seconds:.1f} s"
    )
    for skipped in found.skipped:
        console.print(Text("skipped ", style="yellow"), text(f"{skipped.path}: {skipped.reason}"), sep="")


def hits(found: Sequence[Hit], milliseconds: float) -> None:
    """Search results, best first."""
    for rank, hit in enumerate(found, start=1):
        console.print(
            Text(f"{rank:>2}. "),
            text(hit.title, "bold"),
            text(f"  {hit.doc_id} · {hit.locator} · {hit.score:.2f}", "dim"),
            sep="",
        )
        console.print(indented(" ".join(hit.text.split())[:240], by=4))
    console.print(Text(f"{len(found)} passages in {milliseconds:.0f} ms", style="dim"))


def handoff(_: Case, step: Handoff) -> None:
    """One handoff, as it happens: who, what it took, and in plain words why, cut to one line."""
    tokens = f"{step.tokens_in}→{step.tokens_out} tokens" if step.tokens_in else ""
    line = Text.assemble(
        "  ",
        (f"{step.from_:>9}", COLOURS[step.from_]),
        (f" → {step.to:<9} ", "dim"),
        (f"{step.seconds * 1000:>5.0f} ms  {step.tier:<8} {tokens:>16}  {usd(step.cost_usd):<9} ", "dim"),
        ("failed: " if step.status == "failed" else "", "red"),
        text(step.reason),
    )
    console.print(line, no_wrap=True, overflow="ellipsis")


def case(found: Case) -> None:
    """A case's answer, citations and bill."""
    console.print()
    if found.answer:
        console.print(indented(found.answer), soft_wrap=True)
        console.print()
    for citation in found.citations:
        console.print(text(f"  [{citation.n}] {citation.doc_id} · {citation.locator}", "dim"))
    for question in found.unanswered:
        console.print(indented(f"not answered by the documents: {question}", "dim"))
    outcome = str(found.outcome or "in progress")
    console.print(
        indented(
            f"{outcome}: {found.outcome_reason or 'the crew is at work, or its process was stopped'}",
            OUTCOME_COLOURS[outcome],
            len(outcome),
        )
    )
    console.print(Text(f"  {bill(found)}", style="dim"))


def indented(untrusted: str, style: str = "", styled: int = 0, by: int = 2) -> Text:
    """Text `by` columns in, wrapped but for code, which stays as it can be copied.

    The first `styled` characters are shown in `style`, or all without a count.
    """
    shown = text(untrusted)
    shown.stylize(style, 0, styled or None)
    lines: list[Text] = []
    in_code = False
    for line in shown.split("\n", allow_blank=True):
        in_code ^= line.plain.startswith("```")
        lines += [line] if in_code else line.wrap(console, console.width - by) or [line]
    for line in lines:
        line.rstrip()
        line.pad_left(by if line.plain else 0)
    return Text("\n").join(lines)


def bill(found: Case) -> str:
    """What a case cost, in one line."""
    count = found.model_calls
    calls = {0: "no model calls", 1: "1 model call"}.get(count, f"{count} model calls")
    cost = usd(found.cost_usd) if found.cost_is_known else f"cost unknown, at most {usd(found.cost_at_most_usd)}"
    return (
        f"{found.case_id} · {found.seconds * 1000:.0f} ms · {calls} · {cost} "
        f"(all-frontier estimate {usd(found.cost_all_frontier_usd)})"
    )


def trace(found: Case, stale: Sequence[Stale]) -> None:
    """A kept case, step by step, with every reason whole."""
    console.print(text(found.ticket.text, "bold"))
    console.print()
    for step in found.handoffs:
        handoff(found, step)
        console.print(indented(step.reason, "dim", by=25))
    case(found)
    tasks = (f"{t.name} {t.status}" + (f" ({t.attempts} attempts)" if t.attempts > 1 else "") for t in found.tasks)
    console.print(Text(f"  tasks: {', '.join(tasks)}", style="dim"))
    if first := blame(found):
        console.print(text(f"  first failed at: {first.step}, by the {first.agent} ({first.why})", "yellow"))
    for claim in found.claims:
        mark = ("  ✓ ", "green") if claim.supported else ("  ✗ ", "red")
        console.print(Text.assemble(mark, text(claim.text), text(f"  {claim.reason}", "red")))
    for document in stale:
        where = text(f"{document.title} ({document.doc_id})")
        console.print(Text("  stale proof: ", "yellow"), where, f" was {document.change} since", sep="")


def differences(found: dict[str, Any]) -> None:
    """Where two cases part, and what differs between them."""
    part = found["part"]
    if part:
        console.print(text(f"they first part at step {part['step']}: {', '.join(part['what'])}", "bold"))
    else:
        console.print("they never part: each step did the same in both")
    named = [(row["figure"], row) for row in found["figures"]] + [
        (f"step {row['step']}", row) for row in found["steps"]
    ]
    for name, row in named:
        if row["differs"] != "same":
            console.print(text(f"{name}: {row['differs']}"))
            for side in ("A", "B"):
                console.print(indented(f"{side}  {row[side]}", "dim"))
    for row in found["sentences"]:
        if row["change"] != "same":
            for sign, said, colour in (("-", row["a"], "red"), ("+", row["b"], "green")):
                if said:
                    console.print(indented(f"{sign} {said}", colour))


def kbs(found: Sequence[KnowledgeBase]) -> None:
    """The knowledge bases, a line each."""
    rows = [
        (kb.kb, f"{kb.documents:,}", f"{kb.chunks:,}", f"{kb.bytes / 1e6:.1f}", f"{kb.indexed:%Y-%m-%d %H:%M}")
        for kb in found
    ]
    if rows:
        table("Knowledge bases", ("name", "documents", "chunks", "MB", "indexed (UTC)"), rows)
    else:
        console.print("there is no knowledge base yet; make one with: opsdesk index FOLDER")


def kb(found: KnowledgeBase) -> None:
    """One knowledge base."""
    console.print(Text(found.kb, "bold"), Text(f"  {found.version}, written {found.created:%Y-%m-%d %H:%M} UTC"))
    console.print(f"  {found.documents:,} documents, {found.chunks:,} chunks, {found.bytes / 1e6:.1f} MB")
    console.print(f"  last compared with its sources {found.indexed:%Y-%m-%d %H:%M} UTC:")
    for source in found.sources:
        console.print(indented(source, by=4), soft_wrap=True)
    console.print(f"  embedded with {found.embedder}", soft_wrap=True)
    console.print(f"  learned: words count {found.learned['words_weight']:.0%}, vectors the rest")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table of any texts: the first column left, the rest right."""
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for position, column in enumerate(columns):
        drawn.add_column(column, justify="right" if position else "left")
    for row in rows:
        drawn.add_row(*map(text, row))
    console.print(drawn)
