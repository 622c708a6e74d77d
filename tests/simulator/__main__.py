"""The simulator as a process: models as JSON in the first argument. Prints its URL, and ends with its parent."""

from __future__ import annotations

import json
import os
import sys
import time

from tests.simulator import Simulator


def main() -> None:
    """Serves until the parent process is gone."""
    parent = os.getppid()
    with Simulator() as sim:
        for name, model in json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}").items():
            sim.set(name, **{k: tuple(v) if isinstance(v, list) else v for k, v in model.items()})
        print(sim.base_url, flush=True)
        while os.getppid() == parent:
            time.sleep(0.2)


if __name__ == "__main__":
    main()
