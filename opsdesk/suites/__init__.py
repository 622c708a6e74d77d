"""Regression suites: tickets with what must become of them, run through the crew and held against a kept run."""
