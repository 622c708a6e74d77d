"""Is a damaged knowledge base ever believed, and does a killed run ever leave half of one?

Damage: one file of an index (manifest, pointer, documents, vectors, words) is cut short, has one bit flipped, is
emptied, or is swapped for the same file of another version; then the index is opened and, should that go well,
searched. Kills: `opsdesk index` runs between two states of the documents and is killed (SIGKILL) at a random
moment; then the knowledge base must open and hold the one state or the other.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import KB, show, with_model
from errors import DamagedFile
from knowledge_base.index import open_index
from knowledge_base.search import Searcher
from opsdesk.demo import SAMPLE
from opsdesk.desk import Desk
from opsdesk.settings import Settings

QUESTION = "How much is the Pro plan?"
DAMAGES = ("cut short", "one bit flipped", "emptied", "swapped for an older one")


def main() -> None:
    """Prints what was refused by name, and what was found after each kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--damages", type=int, default=300)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with TemporaryDirectory() as folder:
        desk = Desk(Settings(home=with_model(Path(folder) / "home")))
        docs = Path(folder) / "docs"
        shutil.copytree(SAMPLE / "docs", docs)
        rows = {**damaged(desk, docs, options.damages, chance), **killed(desk, docs, options.kills, chance)}
    show(rows, options.json)


def damaged(desk: Desk, docs: Path, count: int, chance: random.Random) -> dict[str, dict[str, float]]:
    """A row for each way of damage: tried, refused by the file's name, refused otherwise, opened, answered wrongly."""
    root = desk.settings.knowledge_bases
    desk.index([docs], KB)
    (docs / "extra.md").write_text("# Extra\n\nA page that the older version does not have.\n")
    desk.index([docs], KB)
    right = [hit.chunk_id for hit in desk.search(QUESTION, KB)]
    rows = {how: Counter[str](tried=0, refused=0, unnamed=0, opened=0, wrong=0) for how in DAMAGES}
    files = [root / KB / "CURRENT", *sorted(p for p in (root / KB / "v000002").rglob("*") if p.is_file())]
    for n in range(count):
        how, path = DAMAGES[n % len(DAMAGES)], chance.choice(files)
        with damage(path, how, chance) as done:
            if not done:
                continue
            rows[how]["tried"] += 1
            try:
                found = Searcher(open_index(root, KB), desk.embedder).search(QUESTION)
            except DamagedFile as error:
                rows[how]["refused" if path.name in str(error) else "unnamed"] += 1
            else:
                rows[how]["opened"] += 1
                rows[how]["wrong"] += [hit.chunk_id for hit in found] != right
    return {how: dict(counts) for how, counts in rows.items()}


@contextmanager
def damage(path: Path, how: str, chance: random.Random) -> Iterator[bool]:
    """The file damaged; afterwards it is whole again. False when that left it as it was."""
    whole = path.read_bytes()
    if how == "cut short":
        bad = whole[: chance.randrange(len(whole))]
    elif how == "emptied":
        bad = b""
    elif how == "one bit flipped":
        at = chance.randrange(len(whole))
        bad = whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :]
    else:
        older = Path(str(path).replace("v000002", "v000001"))
        bad = older.read_bytes() if path.name != "CURRENT" else whole.replace(b"v000002", b"v000001")
    path.write_bytes(bad)
    try:
        yield bad != whole
    finally:
        path.write_bytes(whole)


def killed(desk: Desk, docs: Path, count: int, chance: random.Random) -> dict[str, dict[str, float]]:
    """How often the old and the new state was found after a kill, and how often neither."""
    counts = Counter[str](tried=0, old=0, new=0, neither=0)
    page = docs / "extra.md"
    root = desk.settings.knowledge_bases
    page.write_text("# Extra\n\nAnother text.\n")
    seconds = 1.1 * run(desk, docs, None)  # past the end too
    for n in range(count):
        before = held(desk)
        page.write_text(f"# Extra {n}\n\nNow it says {chance.random()}.\n")
        run(desk, docs, chance.uniform(0, seconds))
        after = held(desk)
        counts["tried"] += 1
        counts["old" if after == before else "new" if f"# Extra {n}" in after.get("extra.md", "") else "neither"] += 1
        open_index(root, KB).close()  # every file is checked
    run(desk, docs, None)
    counts["whole afterwards"] = int(f"# Extra {count - 1}" in held(desk)["extra.md"]) if count else 1
    return {"killed while indexing": dict(counts)}


def held(desk: Desk) -> dict[str, str]:
    """The documents that the knowledge base holds."""
    index = open_index(desk.settings.knowledge_bases, KB)
    documents = {document.doc_id: document.text for document in index.passages.documents()}
    index.close()
    return documents


def run(desk: Desk, docs: Path, kill_after: float | None) -> float:
    """`opsdesk index` in a process of its own; killed after so many seconds, if any. Seconds that it took."""
    environment = {**os.environ, "OPSDESK_HOME": str(desk.settings.home)}
    command = [sys.executable, "-m", "opsdesk", "index", str(docs), "--kb", KB, "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        process.wait(kill_after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    if kill_after is None and process.returncode:
        raise RuntimeError(errors.decode())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
