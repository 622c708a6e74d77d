"""Cases, conversations and documents in which every text is what a test wants it to be, in our own shapes."""

from __future__ import annotations

import secrets
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from opsdesk.desk import Desk
from tasks.case import Case
from tasks.conversations import Conversations
from tasks.drafts import Drafts
from tasks.requests import Requests
from tests.browser.served import now

OURS = {"case_id", "kb", "chunk_id", "doc_sha256", "outcome", "stopped_by", "created_at", "modified", "started_at"}
OURS |= {"complexity", "stakes", "tier", "kind", "audience", "from", "to", "task", "status", "name", "agent", "owner"}
"""Fields of a case whose values are ours or of a fixed choice; all others can come from people and documents."""

SEEDER = "seeder:1"


def with_text(body: Any, text: str) -> Any:
    """JSON of a case with `text` in place of every text that may come from anywhere."""
    if isinstance(body, dict):
        return {key: value if key in OURS else with_text(value, text) for key, value in body.items()}
    if isinstance(body, list):
        return [with_text(value, text) for value in body]
    return text if isinstance(body, str) and body else body


def case_of(model: Case, text: str) -> Case:
    """A case like `model` that says `text` wherever it says something; its answer cites passage 1."""
    body = with_text(model.model_dump(mode="json", by_alias=True), text)
    body |= {"case_id": f"c-{secrets.token_hex(6)}", "created_at": now().isoformat()}
    body["answer"] = f"{text} [1]"
    body["unanswered"] = [text]
    body["claims"][0] |= {"supported": False, "reason": text}
    return Case.model_validate(body)


def keep(desk: Desk, case: Case) -> None:
    """Keeps a case as the crew does, handoff by handoff."""
    handoffs, case.handoffs = case.handoffs, []
    desk.task_list.open_case(case)
    for handoff in handoffs:
        desk.task_list.record(case, handoff)
    desk.task_list.close(case)


def conversation(desk: Desk, model: Case, texts: list[str], name: str) -> tuple[str, list[str]]:
    """A conversation with a turn for each text, while no worker runs; its id, and the ids of its cases."""
    requests = Requests(desk.task_list.database, now)
    id_, kept = Conversations(desk.task_list.database, now).begin("", name, model.kb), []
    for text in texts:
        case = case_of(model, text)
        asked = requests.leave("ask", {"ticket": case.ticket.model_dump(mode="json")}, kb=model.kb, conversation_id=id_)
        claimed = requests.claim(SEEDER, ["ask"])
        assert claimed is not None
        assert claimed.id == asked
        case.case_id = claimed.case_id
        keep(desk, case)
        requests.end(asked, SEEDER, "done", result={"case_id": case.case_id, "outcome": case.outcome})
        kept.append(case.case_id)
    return id_, kept


def batch(desk: Desk, model: Case, texts: list[str], name: str) -> str:
    """A batch that is worked to its end, with a draft for each text; its id."""
    drafts = Drafts(desk.task_list.database, now)
    id_ = drafts.make(name, model.kb, [(case_of(model, text).ticket, "") for text in texts])
    for text in texts:
        row = drafts.queue.claim(SEEDER)
        assert row is not None
        assert row.batch_id == id_
        case = case_of(model, text).model_copy(update={"case_id": row.case_id})
        keep(desk, case)
        drafts.queue.finish(row, case)
    return id_


def documents(folder: Path, texts: list[str]) -> None:
    """Writes a page for each text: it is its title, its heading, its words and, as far as that may be, its name."""
    folder.mkdir()
    for number, text in enumerate(texts):
        front = yaml.safe_dump({"title": text[:2_000]}, allow_unicode=False)
        page = f"---\n{front}---\n\n# {text}\n\nAbout number {number}: {text}\n"
        seen = "".join(one for one in file_name(text) if not unicodedata.category(one).startswith("C"))
        (folder / f"{number}-{seen}.md").write_bytes(page.encode())
        (folder / f"{number}-{file_name(text)}.xyz").write_bytes(b"no format of ours")


def file_name(text: str) -> str:
    """As much of a text as a file may be called by."""
    return text.replace("/", "∕").replace("\0", "").encode()[:180].decode(errors="ignore")
