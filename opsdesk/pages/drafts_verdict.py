"""What a person decides on a draft: the buttons with their keys, and the forms behind them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from opsdesk import display, drafting
from opsdesk.pages import parts
from opsdesk.pages.drafts_store import LAST, MODE, decide, go, store, take_back
from tasks.batches import WORKED, DraftRow, Line, Verdict
from tasks.case import Case, Claim

EDITED, CHECKED, DOUBTS_SHOWN = "draft_edited", "draft_checked", 20
MAX_REASON, MAX_NAME = 2_000, 200


def actions(row: DraftRow, lines: list[Line]) -> None:
    """The buttons. Letters are keys that do nothing while somebody types."""
    busy = row.status not in WORKED
    before, after = _neighbours(row.seq, lines)
    with st.container(horizontal=True, gap="xsmall"):
        accept = Verdict("accepted", parts.person(), row.reviewed_at)
        st.button(
            "Accept",
            shortcut="A",
            disabled=busy or not row.text or row.review in ("accepted", "edited"),
            on_click=decide,
            args=(row, accept, following(row.seq, lines)),
        )
        st.button("Edit", shortcut="E", disabled=busy, on_click=_open, args=("edit",))
        st.button("Reject", shortcut="X", disabled=busy, on_click=_open, args=("reject",))
        st.button("Assign", shortcut="S", disabled=busy, on_click=_open, args=("assign",))
        st.button("Next", shortcut="J", disabled=after is None, on_click=go, args=(after,))
        st.button("Previous", shortcut="K", disabled=before is None, on_click=go, args=(before,))
        st.button("Undo", shortcut="U", disabled=LAST not in st.session_state, on_click=take_back)


def following(seq: int, lines: list[Line]) -> int | None:
    """The next undecided row after `seq`, from the top again at the end; None when there is no other."""
    open_ = [line.seq for line in lines if line.undecided and line.seq != seq]
    return next((other for other in open_ if other > seq), open_[0] if open_ else None)


def _neighbours(seq: int, lines: list[Line]) -> tuple[int | None, int | None]:
    before = max((line.seq for line in lines if line.seq < seq), default=None)
    return before, min((line.seq for line in lines if line.seq > seq), default=None)


def _open(mode: str) -> None:
    st.session_state[MODE] = mode
    st.session_state.pop(CHECKED, None)
    st.session_state.pop(EDITED, None)


def accept_all(batch_id: str, count: int) -> None:
    """The button that accepts all `count` that are fully proven, once it is confirmed."""
    with st.popover(f"Accept all fully proven ({count:,})", icon=":material/done_all:", disabled=not count):
        st.text(
            f"{display.count(count, 'draft')} will be accepted: the crew accepted each of them, "
            "and every statement in it is supported by a document."
        )
        st.button(f"Accept {count:,}", on_click=_accept_all, args=(batch_id,))


def _accept_all(batch_id: str) -> None:
    store().accept_proven(batch_id, parts.person())
    go(None)


def form(row: DraftRow, case: Case | None, lines: list[Line]) -> None:
    """The form that is open."""
    after = following(row.seq, lines)
    with st.container(border=True):
        match st.session_state[MODE]:
            case "edit":
                _edit(row, case, after)
            case "reject":
                _reject(row, after)
            case "assign":
                _assign(row, after)


def proven_claims(text: str, case: Case) -> list[Claim]:
    """A text's claims, held against the passages of its case."""
    return drafting.claims_of(drafting.reproof(text, case))


def _edit(row: DraftRow, case: Case | None, after: int | None) -> None:
    st.markdown("**Edit the draft**")
    text = st.text_area("Draft", row.text, height=260, max_chars=20_000, key=EDITED, label_visibility="collapsed")
    doubts = _doubts(text or "", case)
    if st.session_state.get(CHECKED) or (text != row.text and doubts):
        _show_doubts(doubts)
    with st.container(horizontal=True):
        label = "Save anyway" if st.session_state.get(CHECKED) == text and doubts else "Save"
        st.button(label, shortcut="Ctrl+Enter", key="draft_save", on_click=_save, args=(row, case, after))
        _cancel()


def _doubts(text: str, case: Case | None) -> list[Claim] | None:
    """What is not supported; None when there is nothing to hold the text against."""
    if case is None or not case.passages:
        return None
    return [claim for claim in proven_claims(text, case) if not claim.supported]


def _show_doubts(doubts: list[Claim] | None) -> None:
    if doubts is None:
        st.text("There are no passages to hold this text against; it is saved as not proven.")
    elif not doubts:
        st.markdown(parts.badge("every statement is supported", "green"))
    else:
        st.markdown(parts.badge(f"{len(doubts)} not supported by the documents", "orange"))
        for claim in doubts[:DOUBTS_SHOWN]:
            st.text(display.visible(f"{claim.text}\n{claim.reason}"))


def _save(row: DraftRow, case: Case | None, after: int | None) -> None:
    """Keeps an edited text. One with doubts is kept only after they were shown for it, and with that noted."""
    text = str(st.session_state.get(EDITED) or "")
    doubts = _doubts(text, case)
    if not text.strip():
        return
    if doubts and st.session_state.get(CHECKED) != text:
        st.session_state[CHECKED] = text
        return
    note = f"saved with {display.count(len(doubts), 'statement')} not supported" if doubts else ""
    decide(
        row,
        Verdict("edited", parts.person(), row.reviewed_at, note, text=text, proven=doubts == []),
        after,
    )


def _reject(row: DraftRow, after: int | None) -> None:
    st.markdown("**Reject the draft**")
    why = st.selectbox("Reason", drafting.REASONS, key="draft_why")
    more = st.text_input("More, if it helps", max_chars=MAX_REASON, key="draft_more")
    with st.container(horizontal=True):
        reason = f"{why}: {more}" if more else str(why)
        verdict = Verdict("rejected", parts.person(), row.reviewed_at, reason)
        st.button(
            "Reject it", shortcut="Ctrl+Enter", key="draft_reject", on_click=decide,
            args=(row, verdict, after),
        )  # fmt: skip
        _cancel()


def _assign(row: DraftRow, after: int | None) -> None:
    st.markdown("**Assign to a person**")
    known = store().assignees()
    who = st.selectbox(
        "Who", known, index=None, accept_new_options=True, placeholder="Choose or type a name", key="draft_who"
    )
    note = st.text_input("Note", max_chars=MAX_REASON, key="draft_note")
    with st.container(horizontal=True):
        verdict = Verdict("assigned", parts.person(), row.reviewed_at, note, (who or "")[:MAX_NAME])
        st.button(
            "Assign it", shortcut="Ctrl+Enter", key="draft_assign", disabled=not who, on_click=decide,
            args=(row, verdict, after),
        )  # fmt: skip
        _cancel()


def _cancel() -> None:
    st.button("Back", shortcut="Esc", key="draft_back", on_click=partial(_open, ""))
