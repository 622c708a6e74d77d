"""Not there yet."""

from __future__ import annotations

import streamlit as st


def page() -> None:
    """Says so."""
    st.text("This page is not there yet.")
