"""One turn of a chat: the question, the crew at work, the answer, and what can be done with it."""

from __future__ import annotations

import time
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from errors import OpsdeskError
from opsdesk import answering, components, display
from opsdesk.known import Stale
from opsdesk.pages import parts
from tasks.case import STEPS, Case, Handoff
from tasks.drafts import Drafts
from tasks.experience import Said
from tasks.requests import Request
from tasks.task_list import News

LOOK_SECONDS = 0.05
"""Between two looks at what the crew has done."""

CLOCK_SECONDS = 0.25
"""Between two turns of the running clock, and the longest that a click waits for the page."""

DOING = {"route": "reads the question", "retrieve": "searches", "write": "writes a draft", "verify": "checks the proof"}
REASONS = ["Wrong", "Not what was asked", "Out of date", "Incomplete", "Hard to read"]
AVATAR = str(Path(__file__).resolve().parents[2] / "static" / "icon.svg")


def question(request: Request) -> None:
    """What was asked."""
    with st.chat_message("user", avatar=":material/person:"):
        ticket = request.body["ticket"]
        if ticket.get("kind") == "reply":
            st.caption("As the reply to a ticket")
        st.text(display.visible(ticket["text"]))


# --- while the crew is at work -----------------------------------------------------------------------------


def follow(request: Request) -> None:
    """Shows the crew at work until it is done, then draws the page anew. Whoever looks away loses nothing."""
    requests, tasks = parts.requests(), parts.desk().task_list
    with st.chat_message("assistant", avatar=AVATAR):
        left, right = st.columns([5, 1], vertical_alignment="center")
        clock = left.empty()
        right.button("Stop", icon=":material/stop_circle:", on_click=requests.ask_to_stop, args=(request.id,))
        steps, heading, draft = st.container(), st.empty(), st.empty()
    seen: list[Handoff] = []
    said, clocked = "", 0.0
    while True:
        request = requests.get(request.id)
        news = tasks.news(request.case_id, seen[-1].seq if seen else 0)
        for handoff in news.handoffs:
            seen.append(handoff)
            _step(steps, handoff)
        if not request.is_open:
            st.rerun()
        if news.handoffs and news.handoffs[-1].task == "write":
            said = ""
            heading.empty()
            draft.empty()
        if (told := str(request.progress.get("said", ""))) and told != said and news.doing == "write":
            heading.caption("Draft, not proven yet")
            said = told
            draft.code(display.visible(said), language=None, wrap_lines=True)
        if time.monotonic() - clocked >= CLOCK_SECONDS or news.handoffs:
            clocked = time.monotonic()
            clock.text(_clock(request, news, seen))
        time.sleep(LOOK_SECONDS)


def _clock(request: Request, news: News, seen: list[Handoff]) -> str:
    """What is being done, for how long, and what it has cost so far."""
    seconds = (parts.now() - display.moment(request.made_at)).total_seconds()
    spent = sum(handoff.cost_usd or 0 for handoff in seen)
    if request.status == "todo":
        again = "The worker has ended; another one goes on. " if request.attempts else ""
        what = f"{again}Waiting for a worker" if seconds > 2 or again else "Waiting"
    elif not parts.is_alive(request.owner):
        what = "The worker has ended; the case goes on as soon as another one runs"
    else:
        what = f"The {STEPS[news.doing]} {DOING[news.doing]}" if news.doing else "The crew begins"
    again = f" · taken up {request.attempts} times" if request.attempts > 1 else ""
    return f"{what} · {seconds:.0f} s · {display.usd(spent)} so far{again}"


def _step(into: DeltaGenerator, handoff: Handoff) -> None:
    hue = parts.HUES[handoff.from_]
    failed = " " + parts.badge("sent back" if handoff.to == "writer" else "failed", "red")
    took = f"{display.duration(handoff.seconds)} · {display.usd(handoff.cost_usd)}"
    left, right = into.columns([2, 7], gap="small")
    left.markdown(
        f"{parts.badge(handoff.from_, hue)} {parts.badge(handoff.tier, 'gray')}"
        + (failed if handoff.status == "failed" else "")
    )
    right.text(f"{display.line(handoff.reason, 160)} ({took})")


# --- when it is done ---------------------------------------------------------------------------------------


def answer(request: Request) -> None:
    """What came of it."""
    with st.chat_message("assistant", avatar=AVATAR):
        case = parts.desk().task_list.find(request.case_id)
        if case is None or case.outcome is None:
            stopped = request.status == "stopped"
            st.markdown(parts.badge("Stopped" if stopped else "Failed", "gray" if stopped else "red"))
            st.text(display.visible(request.error or "It was stopped before anything was done."))
            st.button("Ask again", key=f"again-{request.id}", on_click=_again, args=(request,))
            return
        _outcome(case)
        if case.answer:
            components.answer(answering.view(case, _stale(case)), f"answer-{case.case_id}")
        if case.unanswered:
            st.text("Left open: " + display.line("; ".join(case.unanswered), 400))
        _bill(case)
        _actions(request, case)


def _outcome(case: Case) -> None:
    """Why it is no plain answer, where it is none."""
    if case.outcome == "accepted":
        return
    hue = {"needs_human": "orange", "abstained": "blue", "failed": "red"}[case.outcome or "failed"]
    st.markdown(parts.badge(display.OUTCOMES[case.outcome], hue))
    st.text(display.visible(case.outcome_reason))


def _bill(case: Case) -> None:
    """Cost, the all-frontier estimate, the model and the time, in one quiet line."""
    calls = display.count(case.model_calls, "model call") if case.model_calls else "no model calls"
    frontier = case.cost_all_frontier_usd
    estimate = f"all-frontier estimate {display.usd(frontier)}"
    saved = display.saved(case.cost_usd, frontier)
    estimate += f", {saved}" if saved else ""
    parts.quiet(f"{display.cost(case)} ({estimate}) · {calls} · {display.duration(case.seconds)}")


def _actions(request: Request, case: Case) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _feedback(case)
        with st.popover("Why this model", type="tertiary"):
            for reason in case.route.reasons if case.route else [case.outcome_reason]:
                st.text("– " + display.visible(reason))
        if request.body["ticket"].get("kind") != "reply" and case.answer:
            st.button("Turn into a ticket reply", key=f"reply-{case.case_id}", type="tertiary", on_click=_as_reply,
                      args=(request,))  # fmt: skip
        _handing_over(case)
        parts.link("Handoffs", "handoffs", ":material/account_tree:", run=case.case_id)


def _feedback(case: Case) -> None:
    """A thumb up counts as accepted; one down asks for the reason before it is kept."""
    key = f"thumb-{case.case_id}"
    given = parts.desk().records.given(case.case_id)
    if given:
        word = {"accept": "You found it good", "edit": "Sent after an edit", "reject": "You found it wanting"}
        st.text(word.get(given[-1].verdict, "Opened again"), width="content")
        return
    st.feedback("thumbs", key=key, on_change=_thumb, args=(case.case_id, key))
    if st.session_state.get(key) == 0:
        with st.popover("What was wrong?", type="secondary"):
            picked = st.pills("Reason", REASONS, key=f"pills-{case.case_id}", selection_mode="multi")
            more = st.text_input("In your words", key=f"words-{case.case_id}", max_chars=1_000)
            if st.button("Send", key=f"send-{case.case_id}"):
                _say(case.case_id, "reject", "; ".join([*picked, *([more] if more else [])]))
                st.rerun()


def _thumb(case_id: str, key: str) -> None:
    if st.session_state.get(key) == 1:
        _say(case_id, "accept", "")


def _say(case_id: str, said: Said, reason: str) -> None:
    from opsdesk import learning

    learning.give_feedback(parts.desk().records, case_id, said, reason, parts.person(), parts.now())


def _as_reply(request: Request) -> None:
    """Leaves the same question once more, to be answered as a reply to a ticket."""
    _again(request, kind="reply")


def _again(request: Request, **changes: str) -> None:
    """Leaves the same question once more."""
    ticket = {**request.body["ticket"], **changes}
    parts.requests().leave(
        "ask", {"ticket": ticket}, person=request.person, kb=request.kb, conversation_id=request.conversation_id
    )


def _handing_over(case: Case) -> None:
    """Puts the case into the review queue, assigned to somebody."""
    with st.popover("Hand to a person", type="tertiary"):
        drafts = Drafts(parts.desk().task_list.database, parts.now)
        known = drafts.assignees()
        to = st.selectbox("To", known, index=None, accept_new_options=True, key=f"to-{case.case_id}",
                          placeholder="A name or an address")  # fmt: skip
        note = st.text_input("What they should know", key=f"note-{case.case_id}", max_chars=500)
        if st.button("Hand over", key=f"hand-{case.case_id}", disabled=not to):
            batch, seq = drafts.hand_over(case, assignee=str(to)[:200], note=note, by=parts.person())
            st.session_state[f"handed-{case.case_id}"] = batch, seq
            st.rerun()
    if handed := st.session_state.get(f"handed-{case.case_id}"):
        parts.link("Handed over", "drafts", ":material/check:", batch=handed[0], seq=str(handed[1]))


def _stale(case: Case) -> list[Stale]:
    """The cited documents that have changed since; told once a session and version, since it reads files."""
    desk = parts.desk()
    try:
        key = f"stale-{case.case_id}-{desk.knowledge_base(case.kb).version}"
        if key not in st.session_state:
            st.session_state[key] = desk.stale(case)
        found: list[Stale] = st.session_state[key]
        return found
    except OpsdeskError:
        return []  # a knowledge base that was removed or is damaged: its page says so
