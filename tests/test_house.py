"""The rules of the house: imports go one way, and cheap commands stay cheap."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from opsdesk.desk import Desk
from opsdesk.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("tasks", "knowledge_base", "agents", "opsdesk")
MAY_IMPORT = {
    "errors.py": set(),
    "wire.py": set(),
    "tasks": {"errors"},
    "knowledge_base": {"errors", "wire"},
    "agents": {"errors", "wire", "tasks", "knowledge_base"},
    "opsdesk": {"errors", "wire", "tasks", "knowledge_base", "agents"},
}
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
FILES += [ROOT / "errors.py", ROOT / "wire.py"]
MAPPED = [*FILES, *sorted((ROOT / "benchmarks").glob("*.py"))]


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


def floor(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    ours = {*PACKAGES, "errors", "wire"}
    assert imported(path) & ours <= MAY_IMPORT[floor(path)] | {floor(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_agents_import_crewai_and_only_the_desk_reads_settings(path: Path) -> None:
    found = imported(path)
    assert floor(path) == "agents" or "crewai" not in found
    assert floor(path) == "opsdesk" or "pydantic_settings" not in found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lower_floors_do_not_read_the_environment(path: Path) -> None:
    if floor(path) == "opsdesk":
        pytest.skip("the top floor hands settings down")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {  # os.environ.update(...) tells a library something, and reads nothing
        node.func.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
    }
    read = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in ("environ", "getenv")]
    assert [node.lineno for node in read if node not in told] == []


@pytest.mark.parametrize("path", MAPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_map_of_the_house_has_a_row_for_every_file(path: Path) -> None:
    does_nothing = all(isinstance(node, ast.Expr | ast.ImportFrom) for node in ast.parse(path.read_text()).body)
    if "versions" in path.parts or (path.name == "__init__.py" and does_nothing):
        pytest.skip("says nothing of its own")
    assert f"`{path.relative_to(ROOT).as_posix()}`" in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [["search", "password", "--kb", "help"], ["check", "answers.jsonl"], ["--help"], ["trace", "c-1"]]
)
def test_commands_that_need_no_crew_do_not_import_crewai(home: Path, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "page.md").write_text("# Reset\n\nTo reset the password, open the login page.\n")
    passages = [{"id": "p", "text": "It costs $5."}]
    (tmp_path / "answers.jsonl").write_text(json.dumps({"id": 1, "answer": "It costs $5.", "passages": passages}))
    Desk(Settings(home=home)).index([tmp_path / "page.md"], "help")
    program = (
        f"import sys; sys.argv = ['opsdesk', *{arguments!r}]\n"
        "from opsdesk.cli import main\n"
        "try: main()\n"
        "finally: print('CREW' if 'crewai' in sys.modules else 'NO CREW', file=sys.stderr)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "NO CREW" in done.stderr


def test_the_wheel_holds_all_that_it_imports(tmp_path: Path) -> None:
    built = subprocess.run(["uv", "build", "--wheel", "-q", "-o", str(tmp_path)], cwd=ROOT, check=False)
    assert built.returncode == 0
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {str(path.relative_to(ROOT)) for path in FILES}
    assert ours <= names
    assert "opsdesk/sample/tickets.jsonl" in names
