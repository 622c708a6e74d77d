"""The rules of the house: imports go one way, and cheap commands stay cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import looked_up

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("tasks", "knowledge_base", "agents", "opsdesk")
MAY_IMPORT = {
    "errors.py": set(),
    "tasks": {"errors"},
    "knowledge_base": {"errors"},
    "agents": {"errors", "tasks", "knowledge_base"},
    "opsdesk": {"errors", "tasks", "knowledge_base", "agents"},
}
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))] + [ROOT / "errors.py"]


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


def floor(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    ours = {*PACKAGES, "errors"}
    assert imported(path) & ours <= MAY_IMPORT[floor(path)] | {floor(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_agents_import_crewai_and_only_the_desk_reads_settings(path: Path) -> None:
    found = imported(path)
    assert floor(path) == "agents" or "crewai" not in found
    assert floor(path) == "opsdesk" or "pydantic_settings" not in found


def test_lower_floors_do_not_read_the_environment() -> None:
    readers = [
        path
        for path in FILES
        if floor(path) != "opsdesk" and ("os.environ[" in path.read_text() or "getenv" in path.read_text())
    ]
    assert readers == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_map_of_the_house_has_a_row_for_every_file(path: Path) -> None:
    if path.name in ("__init__.py", "__main__.py") or "versions" in path.parts:
        pytest.skip("says nothing of its own")
    assert f"`{path.relative_to(ROOT).as_posix()}`" in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", ["knowledge_base.search", "knowledge_base.proof", "opsdesk.cli", "tasks.task_list"])
def test_commands_that_need_no_crew_do_not_import_crewai(module: str) -> None:
    program = f"import sys, {module}; sys.exit('crewai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_nothing_outside_this_machine_was_looked_up() -> None:
    assert looked_up == []
