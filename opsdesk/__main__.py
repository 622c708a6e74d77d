"""The `opsdesk` command and `python -m opsdesk`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command line; Ctrl-C while it is still being imported is as quiet as any other."""
    try:
        from opsdesk.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
