"""A PostgreSQL server of our own, for as long as it is needed: on a Unix socket, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

MISSING = "PostgreSQL's initdb is not installed; apt-get install postgresql"
CONNECTIONS = 200


def programs() -> Path | None:
    """The folder of the newest initdb and pg_ctl; None when there is none."""
    on_path = shutil.which("initdb")
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return Path(on_path).parent if on_path else packaged[-1].parent if packaged else None


class Server:
    """A running server that trusts whoever reaches its socket."""

    def __init__(self, socket_folder: Path, restart: Callable[[], None]) -> None:
        self._folder, self.restart = socket_folder, restart

    def url(self, name: str) -> str:
        """The URL of the database of that name."""
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, dropped at the end with whoever is still connected."""
        name = f"t{secrets.token_hex(8)}"
        admin = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with admin.connect() as db:
            db.execute(sa.text(f"CREATE DATABASE {name}"))
        try:
            yield self.url(name)
        finally:
            with admin.connect() as db:
                db.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def server(*, durable: bool = True) -> Iterator[Server]:
    """Starts one and stops it at the end. `durable=False` leaves out fsync, which only a power cut would miss.

    Raises `FileNotFoundError` when PostgreSQL is not installed.
    """
    found = programs()
    if found is None:
        raise FileNotFoundError(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path holds about 100 characters
    whose: dict[str, Any] = {"cwd": folder}
    if os.getuid() == 0:  # it refuses to run as root
        person = pwd.getpwnam("postgres")
        os.chown(folder, person.pw_uid, person.pw_gid)
        whose |= {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
    data = str(folder / "data")
    settings = f"-k {folder} -c listen_addresses='' -c max_connections={CONNECTIONS}"
    control = [str(found / "pg_ctl"), "-D", data, "-w", "-t", "60"]
    # Stops it at the end of its input: when we close that, and when we are killed.
    ending = f"cat >/dev/null; {shlex.join([*control, '-m', 'immediate', 'stop'])}; rm -rf {folder}"
    with subprocess.Popen(
        ["sh", "-c", ending], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True, **whose
    ):
        run: dict[str, Any] = {"check": True, "capture_output": True, "text": True, **whose}
        subprocess.run([found / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"], **run)
        options = settings if durable else f"{settings} -c fsync=off"
        subprocess.run([*control, "-l", str(folder / "log"), "-o", options, "start"], **run)

        def restart() -> None:
            """As a crash and a start: whoever is connected is thrown out in the midst of what it does."""
            subprocess.run([*control, "-l", str(folder / "log"), "-m", "immediate", "restart"], **run)

        yield Server(folder, restart)
