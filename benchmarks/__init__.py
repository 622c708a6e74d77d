"""What is measured: one command each, `uv run python -m benchmarks.NAME [--json]`."""
