"""The README's commands do what it says, in its order; and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opsdesk.demo import SAMPLE

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

ELSEWHERE = {
    "pip install -q uv": (".ci/run", "pip install -q uv"),
    "uv run opsdesk demo": ("tests/test_offline.py", '"demo"'),
    "uv run pytest": (".ci/run", "uv run pytest"),
    "uv run opsdesk ui": ("tests/opsdesk/test_ui.py", '"ui"'),
    "uv run opsdesk draft queue.csv --out drafts.csv": ("tests/opsdesk/test_batch.py", '"draft"'),
    "uv run opsdesk eval tests/suites/sample.yaml": ("tests/opsdesk/test_eval.py", '"eval", SUITES / "sample.yaml"'),
    "uv run python -m benchmarks": ("tests/test_benchmarks.py", '"benchmarks", "--only"'),
}
"""What another file runs, and how it says so there."""


def commands() -> list[str]:
    """Every command in the README's shell blocks, without comments."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in blocks for line in block.splitlines()]
    return [part.strip() for line in lines if line for part in line.split(" && ")]


def test_the_commands_run_in_their_order(
    run: Callable[..., Any], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runbooks = tmp_path / "runbooks"
    runbooks.mkdir()
    (runbooks / "etcd.md").write_text(
        "# etcd lost a member\n\nFirst check which member is gone with `etcdctl member list`.\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    assert run("index", SAMPLE / "docs", "--kb", "sample").code == 0  # what the demo leaves behind
    printed = {}
    for command in commands():
        if command in ELSEWHERE or command.startswith("export "):
            continue
        assert command.startswith("uv run opsdesk "), command
        done = run(*shlex.split(command)[3:])
        assert done.code == 0, f"{command}: {done.err}"
        printed[command] = done.out
    asked = next(out for command, out in printed.items() if "Pro plan" in command)
    assert "$49 per seat per month" in asked
    assert "etcdctl member list" in next(out for command, out in printed.items() if "etcd lost" in command)


def test_a_command_that_is_run_elsewhere_is_run_there() -> None:
    known = commands()
    for command, (file, said) in ELSEWHERE.items():
        assert command in known
        assert said in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not run {command}"


def test_every_link_of_the_pages_leads_to_a_file() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_tables_figures_are_those_of_the_results() -> None:
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    printed = {line.split()[1]: line for line in results.splitlines() if line.startswith("3% ")}
    rows = [line.strip("| ").split(" | ") for line in README.splitlines() if line.count(" | ") == 4 and "%" in line]
    assert [row[0].partition(" ")[0].strip("*:") for row in rows] == ["naive", "crew", "langgraph", "ours"]
    for row in rows:
        line = printed[row[0].partition(" ")[0].strip("*:")]
        assert all(cell.strip("*$") in line for cell in row[1:]), (row, line)
