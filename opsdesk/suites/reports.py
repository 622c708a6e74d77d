"""A run of a suite as JSON, as Markdown for a pull request, as JUnit's XML for a CI server, and for people."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from xml.etree import ElementTree

from opsdesk.display import count, duration, usd, visible
from opsdesk.reliability import Share
from opsdesk.suites.baseline import Comparison
from opsdesk.suites.running import Kept, Result, Run, Totals

MOST_LISTED = 200
"""Tickets that Markdown names; a comment on a pull request has its limits."""


class Report(NamedTuple):
    """All that is told of a run. `compared` is None without a baseline."""

    run: Run
    totals: Totals
    thresholds: list[Kept]
    compared: Comparison | None

    @property
    def wrong(self) -> list[str]:
        """Why the run does not pass, in words; empty when it does."""
        missed = [
            f"{one.name} is {one.found}, not {one.asked}{f' ({one.note})' if one.note else ''}"
            for one in self.thresholds
            if not one.kept
        ]
        return [*missed, *(self.compared.regressions if self.compared else [])]


def summary(report: Report) -> str:
    """How it went, in one line."""
    of, run = report.totals, report.run
    done = f"{of.passed.hits} of {count(of.run, 'ticket')} passed ({interval(of.passed)})"
    return f"{done}, stopped before its end: {of.tickets} in all" if run.stopped else done


def interval(share: Share) -> str:
    """A share with its interval."""
    if share.share is None or share.low is None or share.high is None:
        return "none was run"
    return f"{share.share:.0%}, 95% interval {share.low:.0%} to {share.high:.0%}"


def figures(report: Report) -> list[tuple[str, str]]:
    """What was run, and its totals, by name."""
    run, of = report.run, report.totals
    unknown = f" or more, {of.cost_unknown} not wholly known" if of.cost_unknown else ""
    paid = ", ".join(f"{tier} {model}" for tier, model in run.models.items() if tier != "local")
    seconds = [duration(s) for s in (of.p50_seconds, of.p95_seconds) if s is not None]
    return [
        ("Passed", summary(report)),
        ("Outcomes", ", ".join(f"{n} {outcome}" for outcome, n in sorted(of.outcomes.items())) or "none"),
        ("Cost", f"{usd(of.cost_usd)}{unknown}"),
        ("Seconds (depend on the machine)", f"p50 {seconds[0]}, p95 {seconds[1]}" if seconds else "none"),
        ("Policy", run.policy + (f", tier {run.tier}" if run.tier else "")),
        ("Paid models", paid or "none"),
        ("Knowledge base", run.kb),
    ]


# --- JSON ------------------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """All of it as JSON; shares run from 0 to 1, amounts are USD, None is not known."""
    run, of, compared = report.run, report.totals, report.compared
    return {
        "suite": run.suite,
        "kb": run.kb,
        "policy": run.policy,
        "tier": run.tier or None,
        "models": run.models,
        "ok": not report.wrong and not run.stopped,
        "stopped": run.stopped,
        "wrong": report.wrong,
        "totals": {
            **of._asdict(),
            "passed": of.passed._asdict(),
            "cost_usd": None if of.cost_unknown else of.cost_usd,
            "known_cost_usd": of.cost_usd,
        },
        "thresholds": [one._asdict() for one in report.thresholds],
        "baseline": compared._asdict() if compared else None,
        "tickets": [one._asdict() for one in run.results],
    }


# --- Markdown --------------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """A comment for a pull request. What comes from suites, documents and models stands in it as plain words."""
    failed = [one for one in report.run.results if not one.passed]
    state = "stopped" if report.run.stopped else "failed" if report.wrong else "passed"
    lines = [f"### Opsdesk suite {_md(report.run.suite)}: {state}", ""]
    lines += [f"- {_md(reason)}" for reason in report.wrong]
    lines += ["", "| | |", "| --- | --- |"] + [f"| {_md(name)} | {_md(value)} |" for name, value in figures(report)]
    if failed:
        lines += ["", f"<details><summary>{count(len(failed), 'ticket')} failed</summary>", ""]
        lines += ["| ticket | outcome | why | case |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {_md(one.id)} | {one.outcome} | {_md('; '.join(one.failed), 600)} | `{one.case_id}` |"
            for one in failed[:MOST_LISTED]
        ]
        lines += ["", *([f"and {len(failed) - MOST_LISTED} more"] if len(failed) > MOST_LISTED else []), "</details>"]
    if compared := report.compared:
        lines += ["", "Against the baseline:", ""]
        lines += [f"- {_md(line)}" for line in changes(compared)]
    return "\n".join(lines) + "\n"


def changes(compared: Comparison) -> list[str]:
    """What is to be said of a comparison besides its regressions."""
    told = [
        f"{name}: {', '.join(ids[:MOST_LISTED])}"
        for name, ids in (("passed and now fail", compared.lost), ("failed and now pass", compared.gained))
        if ids
    ]
    return [*(told or ["no ticket changed"]), *compared.notes]


def _md(untrusted: str, most: int = 2_000) -> str:
    """Plain words to any reader of Markdown: each mark that may mean something is written as its number."""
    text = " ".join(visible(untrusted[: most * 4]).split())
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    return re.sub(r"[^\w\s.,:;()$%/-]|_|(?<=\w):(?=/)|(?<=\bwww)\.", lambda found: f"&#{ord(found[0])};", text)


# --- JUnit -----------------------------------------------------------------------------------------------

_NOT_XML = re.compile("[\ufffe\uffff]")


def junit(report: Report) -> bytes:
    """A test case a ticket, as CI servers read them: https://github.com/testmoapp/junitxml.

    A ticket whose checks failed is a failure; tickets that were not run, and thresholds, are told of too.
    """
    run, of = report.run, report.totals
    failed = sum(not one.passed for one in run.results) + (1 if report.wrong else 0)
    names = {"name": _xml(f"opsdesk eval {run.suite}".strip()), "tests": str(of.run + 1), "failures": str(failed)}
    names |= {"errors": "0", "skipped": "0", "time": f"{sum(one.seconds for one in run.results):.3f}"}
    root = ElementTree.Element("testsuites", names)
    suite = ElementTree.SubElement(root, "testsuite", names)
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in figures(report):
        ElementTree.SubElement(properties, "property", {"name": name, "value": _xml(value)})
    for one in run.results:
        _test_case(suite, run.suite, one)
    whole = ElementTree.SubElement(suite, "testcase", {"classname": names["name"], "name": "whole run", "time": "0"})
    if report.wrong:
        told = {"message": _xml("; ".join(report.wrong)), "type": "threshold"}
        ElementTree.SubElement(whole, "failure", told).text = _xml("\n".join(report.wrong))
    ElementTree.SubElement(whole, "system-out").text = _xml(summary(report))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _test_case(suite: ElementTree.Element, name: str, one: Result) -> None:
    names = {"classname": _xml(name or "suite"), "name": _xml(one.id), "time": f"{one.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", names)
    if not one.passed:
        told = {"message": _xml("; ".join(one.failed)), "type": "check"}
        ElementTree.SubElement(case, "failure", told).text = _xml("\n".join(one.failed))
    said = [f"{one.outcome}, {usd(one.cost_usd)}; see: opsdesk trace {one.case_id}", *([one.slow] if one.slow else [])]
    ElementTree.SubElement(case, "system-out").text = _xml("\n".join(said))


def _xml(untrusted: str) -> str:
    """What XML 1.0 may hold."""
    return _NOT_XML.sub("\ufffd", visible(untrusted))


# --- people ----------------------------------------------------------------------------------------------


def line(number: int, of: int, one: Result) -> str:
    """One ticket as it is done."""
    state = "pass" if one.passed else "FAIL"
    told = f"[{number}/{of}] {state} {one.id}: {one.outcome}, {duration(one.seconds)}, {usd(one.cost_usd)}"
    slow = f" (slow: {one.slow})" if one.slow else ""
    return visible(told + slow).replace("\n", " ")
