"""The knowledge base: what it holds, adding documents, what was skipped and why, a search to try, stale citations."""

from __future__ import annotations

import time
from datetime import datetime

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from errors import NoKnowledgeBase, OpsdeskError, UsageError
from knowledge_base.versions import NAME
from opsdesk import display, uploads
from opsdesk.known import KnowledgeBase
from opsdesk.pages import knowledge_documents, parts
from tasks.requests import Request

VIEWS = ["Documents", "Try a search", "Stale citations"]
NEW = "New knowledge base"
SEARCH_SECONDS = 20.0
"""So long a search is waited for; the first one after a start has to load the embedding model."""


def page() -> None:
    """Draws the knowledge base that the address names."""
    st.title("Knowledge base")
    parts.worker_state()
    desk = parts.desk()
    known = desk.knowledge_bases()
    names = [kb.kb for kb in known]
    chosen = st.query_params.get("kb", "")
    last = _last(chosen) if chosen and chosen not in names else None
    if last and last.kind == "index":
        _coming(last)
        return
    if not names:
        parts.nothing_yet("There is no knowledge base yet", "Name it, and add a folder or files.")
    left, middle, right = st.columns([4, 1, 1], vertical_alignment="bottom")
    options = [*names, NEW]
    picked = left.selectbox(
        "Knowledge base", options, index=options.index(chosen) if chosen in options else 0, key=f"kb-{chosen}"
    )
    if picked == NEW:
        _add(_new_name(right), "")
        return
    if picked != (chosen or names[0]):
        parts.go(kb=picked)
    if middle.button("Sync now", icon=":material/sync:", width="stretch"):
        _leave(picked, parts.desk().knowledge_base(picked).sources)
    with right:
        _remove(picked)
    _work(picked)
    _figures(next(kb for kb in known if kb.kb == picked))
    _add(picked, "Add documents")
    view = st.segmented_control("View", VIEWS, default=VIEWS[0], label_visibility="collapsed", required=True)
    if view == VIEWS[1]:
        _search(picked)
    elif view == VIEWS[2]:
        _stale(picked)
    else:
        knowledge_documents.show(picked)


def _new_name(place: st.delta_generator.DeltaGenerator) -> str:
    name = place.text_input("Name", "docs", max_chars=64, help="Small letters, digits, - and _")
    if NAME.fullmatch(name):
        return name
    parts.failed(UsageError("a name has small letters, digits, - and _ and begins with a letter or a digit"))
    return ""


def _figures(kb: KnowledgeBase) -> None:
    with st.container(horizontal=True, gap="small"):
        st.metric("Documents", f"{kb.documents:,}", border=True, width=160)
        st.metric("Passages", f"{kb.chunks:,}", border=True, width=160)
        st.metric("On disk", f"{kb.bytes / 1e6:.1f} MB", border=True, width=160)
        st.metric("Last synced", f"{display.when(kb.indexed)} UTC", border=True, width=160)


# --- adding, syncing, removing -----------------------------------------------------------------------------


def _add(kb: str, label: str) -> None:
    """Ways to bring documents in; each leaves a request, so that a page that is closed does not stop it."""
    if not kb:
        return
    with st.expander(label, icon=":material/add:") if label else st.container(border=True):
        uploaded = st.file_uploader(
            "Files: Markdown, text, HTML, PDF, Word, CSV, JSON",
            accept_multiple_files=True,
            key=f"files-{kb}-{st.session_state.get('uploads', 0)}",
        )
        if uploaded:
            _upload(kb, uploaded)
        path = st.text_input("Or a folder or file on the machine of the worker", placeholder="/srv/runbooks")
        if path.strip() and st.button("Add this path"):
            _leave(kb, [path.strip()])


def _upload(kb: str, uploaded: list[UploadedFile]) -> None:
    """The button that adds what was chosen, and a word on what that replaces."""
    folder, names = parts.desk().uploads(kb), uploads.names([file.name for file in uploaded])
    replaced = [name for name in names if (folder / name).exists()]
    if replaced:
        st.text(f"There already, and replaced: {display.line(', '.join(replaced), 300)}")
    if st.button(f"Add {display.count(len(uploaded), 'file')}"):
        st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1
        uploads.keep(folder, zip(names, (file.getvalue() for file in uploaded), strict=True))
        _leave(kb, [str(folder)])


def _leave(kb: str, paths: list[str]) -> None:
    parts.requests().leave("index", {"paths": paths}, person=parts.person(), kb=kb)
    parts.go(kb=kb)


def _remove(kb: str) -> None:
    with st.popover("Remove", icon=":material/delete:", width="stretch"):
        st.text("The documents it was made of, and kept cases, stay. Files that were uploaded into it go.")
        if st.button("Remove it"):
            parts.requests().leave("remove", {}, person=parts.person(), kb=kb)
            time.sleep(0.3)  # the worker does it at once; without it the page would still list it
            parts.go(kb="")


def _coming(last: Request) -> None:
    """One that is being made, or that could not be made."""
    st.text(last.kb)
    _work(last.kb)
    if not last.is_open and st.button("Back"):
        parts.go(kb="")


def _last(kb: str) -> Request | None:
    """What was last asked for it."""
    return next((r for r in parts.requests().latest(["index", "forget", "remove"], limit=50) if r.kb == kb), None)


def _work(kb: str) -> None:
    """The last sync: its progress while it runs, then what it did and what it skipped."""
    latest = _last(kb)
    if latest is None:
        return
    if latest.is_open:
        _running(latest.id)
    elif latest.status == "failed":
        parts.failed(OpsdeskError(latest.error))
    elif latest.kind in ("index", "forget"):
        _report(latest)


@st.fragment(run_every="0.5s")
def _running(id_: str) -> None:
    request = parts.requests().get(id_)
    if not request.is_open:
        st.rerun()
    done, total = int(request.progress.get("done", 0)), int(request.progress.get("total", 0))
    with st.container(border=True):
        share = min(1.0, done / total) if total else 0.0
        told = f"{done:,} of {total:,} passages" if total else "Reading the documents"
        seconds = (parts.now() - datetime.fromisoformat(request.made_at)).total_seconds()
        left = f", about {display.duration(seconds / share * (1 - share))} left" if 0.02 < share < 1 else ""
        st.progress(share, f"{told}{left}")
        if request.status == "todo":
            parts.quiet("Waiting for a worker")


def _report(request: Request) -> None:
    result = request.result
    counts = [f"{result[name]:,} {name}" for name in ("added", "updated", "removed", "unchanged")]
    skipped = result["skipped"]
    with st.container(border=True):
        parts.quiet(
            f"Last sync, {display.when(request.ended_at)} UTC: {', '.join(counts)}, "
            f"{len(skipped):,} skipped, in {display.duration(result['seconds'])}"
        )
        if skipped:
            with st.expander(f"{display.count(len(skipped), 'file')} skipped, and why"):
                rows = [{"file": display.visible(s["path"]), "why": display.visible(s["reason"])} for s in skipped]
                st.dataframe(rows, hide_index=True, alt="Skipped files and the reason of each")


# --- looking into it ---------------------------------------------------------------------------------------


def _search(kb: str) -> None:
    """A search, done by the worker, and what its two arms made of each passage."""
    query = st.text_input("Query", placeholder="What somebody would ask", max_chars=1_000)
    if not query.strip():
        parts.nothing_yet("Try what the crew would find", "You see each passage with the score of both arms.")
        return
    request = _searched(kb, query)
    if request is None:
        parts.failed(OpsdeskError("the worker has not answered; is one running? ask again"))
        return
    if request.status != "done":
        parts.failed(OpsdeskError(request.error or "the search was stopped; ask again"))
        return
    found = request.result
    confidence = f"{found['confidence']:.0%} confident that these answer it"
    parts.quiet(f"{display.count(len(found['hits']), 'passage')} in {found['ms']:.1f} ms · {confidence}")
    if found["missing"]:
        st.text("In no document: " + display.line(", ".join(found["missing"]), 300))
    rows = [
        {
            "title": display.visible(hit["title"]),
            "where": display.visible(hit["locator"]),
            "score": hit["score"],
            "words (BM25)": hit["words"],
            "vector (cosine)": hit["vector"],
            "document": display.visible(hit["doc_id"]),
        }
        for hit in found["hits"]
    ]
    column = st.column_config.NumberColumn
    picked = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "score": st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1),
            "words (BM25)": column(format="%.2f"),
            "vector (cosine)": column(format="%.2f"),
        },
        alt="Passages found, best first",
    )
    chosen = picked.selection.rows[0] if picked.selection.rows else 0
    if found["hits"]:
        st.code(display.visible(found["hits"][chosen]["text"]), language=None, wrap_lines=True)


def _searched(kb: str, query: str) -> Request | None:
    """The search's request when it is done, left anew for a new query; None when nobody does it."""
    asked = (kb, query)
    if st.session_state.get("searched", ("", ""))[0] != asked:
        id_ = parts.requests().leave("search", {"query": query, "k": 10}, person=parts.person(), kb=kb)
        st.session_state["searched"] = asked, id_
    id_ = st.session_state["searched"][1]
    give_up = time.monotonic() + SEARCH_SECONDS
    with st.spinner("Searching"):
        while (request := parts.requests().get(id_)).is_open:
            if time.monotonic() > give_up:
                del st.session_state["searched"]
                return None
            time.sleep(0.03)
    return request


def _stale(kb: str) -> None:
    """Answers of this knowledge base that cite a document which has changed since."""
    desk = parts.desk()
    rows = []
    try:
        for case in desk.task_list.latest(kb, 200):
            rows += [
                {
                    "asked": display.line(case.ticket.text, 90),
                    "document": display.visible(stale.doc_id),
                    "since then": stale.change,
                    "when": display.when(case.created_at),
                    "run": f"handoffs?run={case.case_id}",
                }
                for stale in desk.stale(case)
            ]
    except NoKnowledgeBase:
        return
    if not rows:
        parts.nothing_yet("No stale citations", "The last 200 answers cite documents as they are now.")
        return
    parts.quiet("Their proof is about what the documents said then. Ask again to have it made anew.")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={"run": st.column_config.LinkColumn(display_text="Handoffs")},
        alt="Answers whose cited documents have changed",
    )
