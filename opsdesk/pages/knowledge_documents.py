"""What a knowledge base holds: its documents and its sources, and how to take out an upload or a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from knowledge_base.holdings import Holding
from opsdesk import display
from opsdesk.pages import parts


def show(kb: str) -> None:
    """Draws them; what is ticked can be taken out."""
    found, version = parts.desk().documents(kb), parts.desk().knowledge_base(kb).version
    rows = [
        {
            "document": display.visible(one.doc_id),
            "title": display.visible(one.title),
            "format": one.format,
            "modified": one.modified,
            "passages": one.chunks,
            "characters": one.characters,
        }
        for one in found
    ]
    ticked = st.dataframe(
        rows,
        hide_index=True,
        height=min(600, 38 + 35 * max(1, len(rows))),
        on_select="rerun",
        selection_mode="multi-row",
        key=f"documents-{kb}-{version}",  # in another version other documents would be ticked
        alt="The documents",
    )
    _delete(kb, found, [found[row] for row in ticked.selection.rows if row < len(found)])
    _sources(kb)


def _delete(kb: str, found: Sequence[Holding], ticked: Sequence[Holding]) -> None:
    """Uploads are Opsdesk's own copies, and may be deleted here; all other files are their owners'."""
    if not ticked:
        return
    folder = parts.desk().uploads(kb)
    paths = sorted({one.path for one in ticked if one.source == str(folder)})
    if not paths:
        st.text("These come from files of your own: delete them where they lie, and sync.")
    elif {one.path for one in found} <= set(paths):
        st.text("It holds nothing else. Remove the knowledge base instead.")
    elif st.button(f"Delete {display.count(len(paths), 'uploaded file')}", icon=":material/delete:"):
        for path in paths:
            Path(path).unlink(missing_ok=True)
        parts.requests().leave("index", {"paths": [str(folder)]}, person=parts.person(), kb=kb)
        parts.go(kb=kb)


def _sources(kb: str) -> None:
    """Where the documents come from, when that is more than one place."""
    names, folder = parts.desk().knowledge_base(kb).sources, str(parts.desk().uploads(kb))
    if len(names) < 2:
        return
    with st.expander(f"{len(names):,} sources"):
        picked = st.selectbox(
            "A source to take out",
            names,
            index=None,
            placeholder="Its files stay where they lie, but for uploads",
            format_func=lambda name: "Uploaded files" if name == folder else display.visible(name),
            key=f"source-{kb}",
        )
        if picked and st.button("Take it out", icon=":material/delete:"):
            parts.requests().leave("forget", {"source": picked}, person=parts.person(), kb=kb)
            parts.go(kb=kb)
