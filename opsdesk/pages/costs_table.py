"""The figures as tables: columns, and the file to download."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from opsdesk.draft_files import csv_line
from tasks.budget import NANO
from tasks.facts import KEYS, Facts, Filters, Group


def columns(*names: str) -> dict[str, Any]:
    """How the columns of that name are headed and written."""
    numbers = st.column_config.NumberColumn
    known = {
        "day": st.column_config.DateColumn("Day (UTC)", format="YYYY-MM-DD"),
        "tier": "Tier",
        "usd": numbers("USD", format="$%.4f"),
        "name": "Name",
        "cases": numbers("Cases", format="localized"),
        "unknown": numbers("Of unknown cost", format="localized"),
        "outcome": "Outcome",
        "share": numbers("Share", format="percent"),
        "low": numbers("95% from", format="percent"),
        "high": numbers("95% to", format="percent"),
        "of": numbers("Cases", format="localized"),
        "leaks": numbers("Leaked", format="localized"),
        "seam": "Seam",
        "product": numbers("Product", format="percent"),
        "worst": "Leaks most",
    }
    return {name: known[name] for name in names}


def download(facts: Facts, filters: Filters) -> None:
    """A file of the cases that are shown, a row for each day, knowledge base, tenant, intent, tier and outcome."""
    st.download_button(
        "Download as CSV",
        lambda: as_csv(facts.grouped(KEYS, filters)),
        f"opsdesk-costs-{filters.since}-{filters.until}.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def as_csv(groups: Iterable[Group]) -> bytes:
    """The groups as CSV; amounts in USD, exact. No cell can be taken for a formula."""
    lines = [csv_line(name.replace("_nano", "_usd") for name in Group._fields)]
    for group in groups:
        cells = group._asdict().items()
        lines.append(csv_line(_exact(value) if name.endswith("_nano") else value for name, value in cells))
    return b"".join(lines)


def _exact(nano: int) -> str:
    return f"{nano // NANO}.{nano % NANO:09d}"
