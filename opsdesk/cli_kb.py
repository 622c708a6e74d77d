"""`opsdesk kb`: what knowledge bases there are and what they hold."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from errors import UsageError
from opsdesk.command import Json, open_desk, print_json

kb_app = typer.Typer(no_args_is_help=True, help="The knowledge bases: list, look into, check, change and remove them.")
Name = Annotated[str, typer.Argument(help="Its name; default: the only one, or the one indexed last.")]


@kb_app.command("list")
def kb_list(as_json: Json = False) -> None:
    """List the knowledge bases, the one indexed last first.

    Example: opsdesk kb list
    """
    from opsdesk import show

    found = open_desk().knowledge_bases()
    if as_json:
        print_json([show.kb_json(kb) for kb in found])
    else:
        show.kbs(found)


@kb_app.command("info")
def kb_info(name: Name = "", as_json: Json = False) -> None:
    """Show what a knowledge base holds, where it comes from, and what was learned about searching it.

    Example: opsdesk kb info runbooks
    """
    from opsdesk import show

    found = open_desk().knowledge_base(name)
    if as_json:
        print_json(show.kb_json(found))
    else:
        show.kb(found)


@kb_app.command("verify")
def kb_verify(name: Name = "", as_json: Json = False) -> None:
    """Check every file of a knowledge base against its SHA-256; exit code 1 names one that is damaged.

    Example: opsdesk kb verify runbooks
    """
    from opsdesk import show

    found = open_desk().verified(name)
    if as_json:
        print_json({"kb": found.kb, "files": found.files, "bytes": found.bytes, "ok": True})
    else:
        show.console.print(f"{found.kb}: {found.files} files, {found.bytes / 1e6:.1f} MB, all as they were written")


@kb_app.command("forget")
def kb_forget(
    name: Annotated[str, typer.Argument(help="Name of the knowledge base.")],
    source: Annotated[str, typer.Argument(help="One of its sources, as opsdesk kb info shows it.")],
    as_json: Json = False,
) -> None:
    """Take the documents of one source out of a knowledge base, such as a folder that is gone.

    The files themselves stay, but for uploads; indexing them again brings them back.
    Example: opsdesk kb forget runbooks /srv/old-runbooks
    """
    from opsdesk import show

    report = open_desk().forget(name, source)
    if as_json:
        print_json(show.report_json(report))
    else:
        show.report(report)


@kb_app.command("remove")
def kb_remove(
    name: Annotated[str, typer.Argument(help="Name of the knowledge base.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a knowledge base; the documents it was made of, and kept cases, stay. What was uploaded into it goes.

    Example: opsdesk kb remove runbooks --yes
    """
    from opsdesk import show

    desk = open_desk()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f'"{name}" would be removed; say so with: opsdesk kb remove {name} --yes')
        typer.confirm(f'Remove the knowledge base "{name}"?', abort=True)
    desk.remove(name)
    show.console.print(f'removed "{name}"')


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(kb_app, name="kb")
