"""What is printed for people: names that anybody may have given are shown as they are, and are nothing more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsdesk.desk import Desk
from opsdesk.settings import Settings
from tasks.case import Ticket
from tasks.drafts import Drafts
from tasks.tokens import SCOPES, Tokens
from tests.opsdesk.test_costs import keep

NAMES = ["[/b] x.csv", "[draft] x.csv", "[link=//x]y[/link]", ":warning:", "a\x1b[31mb"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["batch list", "token list", "costs --by tenant"])
def test_a_name_is_neither_markup_nor_a_command_to_the_terminal(command: str, name: str, home: Path, run: Any) -> None:
    desk = Desk(Settings(home=home))
    database = desk.task_list.database
    Drafts(database, desk.now).make(name, "sample", [(Ticket(text="Hello?"), "")])
    Tokens(database, lambda: datetime.now(UTC)).make(name, SCOPES)
    keep(desk.task_list, 1, name, "accepted", 0.1)
    printed = run(*command.split())
    assert printed.code == 0, printed.err
    assert name.replace("\x1b", "\ufffd") in printed.out
