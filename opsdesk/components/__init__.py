"""Our own pieces of the pages (Streamlit components v2). They write with `textContent` alone: text stays text.

Each lies in a folder of its own: `index.js` and `style.css`. Colours come from the theme's `--st-*` variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@cache
def _component(name: str) -> Callable[..., Any]:
    import streamlit as st

    folder = FOLDER / name
    return st.components.v2.component(
        f"opsdesk_{name}",
        js=(folder / "index.js").read_text(encoding="utf-8"),
        css=(folder / "style.css").read_text(encoding="utf-8"),
    )


def mount(name: str, key: str, data: dict[str, Any], **callbacks: Callable[[], None]) -> Any:
    """Draws the component of that folder and returns its state."""
    return _component(name)(key=key, data=data, **callbacks)


def picked(name: str, key: str, data: dict[str, Any]) -> str:
    """Draws the component; the id that was picked in it in this run, else ""."""
    return str(mount(name, key, data, on_picked_change=lambda: None).picked or "")


def answer(view: dict[str, Any], key: str) -> None:
    """An answer with its citations as numbered chips, the passages behind them, and its proof.

    `view` is what `opsdesk.answering.view` makes.
    """
    mount("answer", key, view)


def choices(items: Sequence[dict[str, Any]], key: str, *, label: str, chosen: str = "", look: str = "list") -> str:
    """Buttons one below the other; the id of the one that was pressed in this run, else "".

    An item has `id`, `text` and, if there is more to say, `note`. `look` is "list" or "cards".
    """
    data = {"items": list(items), "label": label, "chosen": chosen, "look": look}
    return picked("choices", key, data)
