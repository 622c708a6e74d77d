"""What is measured: one command each, `uv run python -m benchmarks.NAME [--json]`."""

import gc

from opsdesk.__main__ import GC_THRESHOLDS

gc.set_threshold(*GC_THRESHOLDS)  # as the command has it
