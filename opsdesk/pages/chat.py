"""The chat: ask, watch the crew, read the answer with its proof, say what it was worth."""

from __future__ import annotations

import streamlit as st

from errors import UsageError
from opsdesk import components
from opsdesk.demo import KB as SAMPLE
from opsdesk.display import when
from opsdesk.pages import parts, turn
from opsdesk.tickets import check_ticket
from tasks.case import Ticket
from tasks.conversations import Conversation
from tasks.requests import Request

SHOWN = 10
"""The newest turns of a conversation that are drawn at once."""

AUDIENCES = {"customer": "a customer", "staff": "a colleague"}


def page() -> None:
    """Draws the conversation that the address names, or an empty one."""
    conversation = _current()
    with st.sidebar:
        _list(conversation)
    if not conversation and not parts.desk().has_knowledge_bases():
        _first_visit()
        return
    asked_here = parts.requests().of_conversation(conversation.id) if conversation else []
    # Each has a place of its own, so that what is not drawn goes at once: the page may go on drawing for a minute.
    head, picker, examples = st.empty(), st.empty(), st.empty()
    if conversation:
        kb = conversation.kb
        with head.container():
            _head(conversation, _audience(asked_here))
    else:
        with picker.container():
            kb = _pick_kb()
    parts.worker_state()
    if not asked_here:
        with examples.container():
            _examples(kb, conversation)
    _turns(asked_here)
    typed = st.chat_input("Ask a question or paste a ticket", max_chars=20_000)
    if typed:
        ask(typed, kb, conversation)
    if asked_here and asked_here[-1].is_open:
        turn.follow(asked_here[-1])


def ask(text: str, kb: str, conversation: Conversation | None, kind: str = "question") -> None:
    """Leaves a question for the crew, in this conversation or a new one, and draws the page anew."""
    person, requests = parts.person(), parts.requests()
    asked = requests.of_conversation(conversation.id) if conversation else []
    earlier = [_text(request) for request in asked[-3:]]
    ticket = Ticket.model_validate({"text": text, "kind": kind, "audience": _audience(asked), "earlier": earlier})
    try:
        check_ticket(ticket)
    except UsageError as error:
        parts.failed(error)
        return
    id_ = conversation.id if conversation else parts.conversations().begin(person, text, kb)
    requests.leave("ask", {"ticket": ticket.model_dump(mode="json")}, person=person, kb=kb, conversation_id=id_)
    parts.conversations().touch(id_, person)
    parts.go(c=id_)


def _audience(asked: list[Request]) -> str:
    """Who the answers are for: in a conversation as before, since what is no longer drawn is no longer known."""
    return str(asked[-1].body["ticket"]["audience"] if asked else st.session_state.get("audience", "customer"))


def _text(request: Request) -> str:
    return str(request.body["ticket"]["text"])[:500]


def _current() -> Conversation | None:
    id_ = st.query_params.get("c")
    if not id_:
        return None
    try:
        return parts.conversations().get(id_, parts.person())
    except UsageError as error:
        del st.query_params["c"]
        parts.failed(error)
        return None


def _pick_kb() -> str:
    st.title("Ask")
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        kb = parts.pick_kb()
    with right:
        st.selectbox("Answer for", list(AUDIENCES), format_func=AUDIENCES.__getitem__, key="audience")
    return kb


def _first_visit() -> None:
    """Nothing can be asked yet: the ways to something that can."""
    st.title("Ask")
    making = next((r for r in parts.requests().latest(["index"], limit=5) if r.is_open), None)
    if making:
        parts.worker_state()
        _making(making.id)
        return
    parts.nothing_yet(
        "There are no documents yet",
        "Answers come from your own documents, sentence by sentence, with proof. Add some, or begin with the sample.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Try the sample", icon=":material/play_arrow:"):
            parts.requests().leave("index", {"paths": [SAMPLE]}, person=parts.person(), kb=SAMPLE)
            st.rerun()
        parts.link("Add documents", "knowledge", ":material/library_books:")


@st.fragment(run_every="0.5s")
def _making(id_: str) -> None:
    if not parts.requests().get(id_).is_open:
        st.rerun()
    st.text("The documents are being read …")


def _head(conversation: Conversation, audience: str) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(conversation.name, width="content")
        if audience == "staff":
            st.markdown(parts.badge(f"for {AUDIENCES[audience]}", "violet"), width="content")
    with right.popover("Conversation", width="stretch"):
        name = st.text_input("Name", conversation.name, max_chars=80)
        if name.strip() and name != conversation.name:
            parts.conversations().rename(conversation.id, conversation.person, name)
            st.rerun()
        told = (f"Knowledge base: {conversation.kb}", f"Answers for {AUDIENCES[audience]}")
        st.text("\n".join((*told, f"Begun {when(conversation.made_at)} UTC")))
        if st.button("Delete the conversation", icon=":material/delete:"):
            parts.conversations().remove(conversation.id, conversation.person)
            parts.go(c="")


def _list(current: Conversation | None) -> None:
    """The person's conversations, and the way to a new one."""
    st.button("New conversation", icon=":material/add:", width="stretch", on_click=st.query_params.clear)
    mine = parts.conversations().of(parts.person())
    if not mine:
        return
    items = [{"id": c.id, "text": c.name, "note": when(c.changed_at)} for c in mine]
    chosen = current.id if current else ""
    picked = components.choices(items, "conversations", label="Conversations", chosen=chosen)
    if picked and picked != chosen:
        parts.go(c=picked)


def _examples(kb: str, conversation: Conversation | None) -> None:
    """Questions to begin with, from this knowledge base's own headings."""
    found = parts.desk().examples(kb)
    if not found:
        return
    st.text(f"Answers come from the documents in “{kb}”, sentence by sentence, with proof. For example:")
    picked = components.choices(
        [{"id": question, "text": question} for question in found], "examples", label="Examples", look="cards"
    )
    if picked:
        ask(picked, kb, conversation)


def _turns(asked_here: list[Request]) -> None:
    """The newest turns; the ones before them when they are asked for."""
    hidden = max(0, len(asked_here) - SHOWN)
    if hidden and not st.session_state.get("all_turns"):
        st.button(f"Show {hidden} earlier", on_click=lambda: st.session_state.update(all_turns=True))
    else:
        hidden = 0
    for request in asked_here[hidden:]:
        turn.question(request)
        if not request.is_open:
            turn.answer(request)
