"""The simulator as a process: prints its URL, and ends with its parent or at Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from tests.simulator import Simulator


def main() -> None:
    """Serves until the parent process is gone."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--config", type=Path, help="JSON: {model: how it behaves}, as in POST /control")
    options = parser.parse_args()
    parent = os.getppid()
    with suppress(KeyboardInterrupt), Simulator(port=options.port, seed=options.seed) as sim:
        for name, changes in json.loads(options.config.read_text() if options.config else "{}").items():
            sim.set(name, **changes)
        print(sim.base_url, flush=True)
        while os.getppid() == parent:
            time.sleep(0.2)


if __name__ == "__main__":
    main()
