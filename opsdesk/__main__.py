"""The `opsdesk` command and `python -m opsdesk`."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

GC_THRESHOLDS = (50_000, 20, 100)
"""How seldom garbage is looked for. Loading CrewAI makes 350,000 objects that stay; with Python's own thresholds they
are walked again and again, a fifth of the start, and a case, which leaves 700 objects, has one look of its own."""


def main() -> NoReturn:
    """Runs the command line; Ctrl-C while it is still being imported is as quiet as any other."""
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        from opsdesk.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
