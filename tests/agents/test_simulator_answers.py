"""The simulated model answers from the passages, and lies as often and in the ways that were set."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

from agents import router, verifier
from agents.executor import describe
from agents.router import Decision, route_locally
from agents.verifier import Doubt, Doubts, Opinion
from benchmarks.lies import LIES
from tasks.case import Claim, Draft, Ticket
from tests.agents.bench import PRICE, passage
from tests.agents.simulated import (
    PAGES,
    SMALL,
    Messages,
    ask,
    asked_to_write,
    client,
    content,
    get,
    post,
    sent,
)
from tests.simulator import Model, Simulator

# --- what it says ---------------------------------------------------------------------------------------


def test_an_honest_writer_quotes_the_passages_and_answers_the_question(sim: Simulator) -> None:
    draft = Draft.model_validate_json(content(ask(client(sim), asked_to_write("How much is the Pro plan?"))))
    texts = {page.n: page.text for page in PAGES}
    assert PRICE in [sentence.text for sentence in draft.sentences]
    assert all(quote.text in texts[quote.n] for sentence in draft.sentences for quote in sentence.quotes)
    assert sim.mind.told == []


def test_an_honest_writer_lists_what_the_passages_do_not_answer(sim: Simulator) -> None:
    draft = Draft.model_validate_json(content(ask(client(sim), asked_to_write("Who founded the company?"))))
    assert (draft.sentences, draft.unanswered) == ([], [0])


def test_the_router_and_the_judge_answer_in_their_contracts(sim: Simulator) -> None:
    ticket = Ticket(text="How do I reset my password?")
    decided = content(ask(client(sim), sent(router.PROMPT, describe(router.INSTRUCTION, ticket, short=True))))
    assert Decision.model_validate_json(decided) == route_locally(ticket)
    assert content(ask(client(sim))) == '{"ok": true}'


def judged(sim: Simulator, *texts: str) -> list[bool]:
    claims = [Doubt(index=i, text=text, citations=[1]) for i, text in enumerate(texts)]
    doubts = Doubts(claims=claims, passages=PAGES[:1], question="How much is it?")
    reply = content(ask(client(sim), sent(verifier.PROMPT, describe(verifier.INSTRUCTION, doubts, short=True))))
    opinion = Opinion.model_validate_json(reply)
    assert all(judgement.quote in PAGES[0].text for judgement in opinion.claims)
    return [judgement.supported for judgement in opinion.claims]


def test_the_judge_knows_the_lies_that_were_told_and_errs_at_its_own_rate(sim: Simulator) -> None:
    sim.set(SMALL, wrong=1.0, lies=("invented figure",))
    ask(client(sim), asked_to_write("How much is the Pro plan?"))
    lie = sim.mind.told[0].text
    assert judged(sim, PRICE, lie) == [True, False]
    sim.set(SMALL, judge_wrong=1.0)
    assert judged(sim, PRICE, lie) == [False, True]


def test_a_lie_in_the_quotes_alone_makes_no_false_sentence(sim: Simulator) -> None:
    """A passage that was not given is cited half of the time for a sentence that another one says."""
    sim.set(SMALL, wrong=1.0, lies=("passage not given",))
    for n in range(12):
        ask(client(sim), asked_to_write(f"How much is the Pro plan for order {n}?"))
    said = " ".join(page.text for page in PAGES)
    assert {told.in_words for told in sim.mind.told} == {True, False}
    for told in sim.mind.told:
        assert (told.text in said) == (not told.in_words)
        assert judged(sim, told.text) == [not told.in_words]


# --- how often it lies ----------------------------------------------------------------------------------


def test_lies_come_at_the_set_rate_one_a_draft_and_all_are_told_of(sim: Simulator) -> None:
    """Each ticket's die is its own: the share is the one that the seed gives, and that is near the rate."""
    sim.set(SMALL, wrong=0.15)
    tickets = [f"How much is the Pro plan for order {n}?" for n in range(400)]
    expected = [Random(f"1|{SMALL}|{text}|0").random() < 0.15 for text in tickets]
    shared = client(sim)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda text: content(ask(shared, asked_to_write(text))), tickets))
    account = get(sim, "/told")
    lied = Counter(told["ticket"] for told in account["told"])
    assert lied == Counter(text for text, lies in zip(tickets, expected, strict=True) if lies)
    assert 0.10 < sum(expected) / 400 < 0.20
    assert (account["drafts"], account["unable"]) == ({SMALL: 400}, {SMALL: 0})
    sim.set(SMALL, wrong=0.0)
    told = {one["ticket"]: one["text"] for one in account["told"]}
    for text, reply in zip(tickets, replies, strict=True):
        honest = Draft.model_validate_json(content(ask(shared, asked_to_write(text)))).sentences
        changed = [s.text for s in Draft.model_validate_json(reply).sentences if s not in honest]
        assert changed == ([told[text]] if text in told else [])
    assert {one["lie"] for one in account["told"]} <= set(LIES)
    assert len({one["lie"] for one in account["told"]}) > 5


def test_the_same_request_gets_the_same_reply_and_another_seed_another() -> None:
    requests = [asked_to_write(f"How much is the Pro plan for order {n}?") for n in range(40)]

    def replies(seed: int) -> list[str]:
        with Simulator({SMALL: Model(wrong=0.5)}, seed=seed) as sim:
            return [content(ask(client(sim), messages)) for messages in [*requests, *requests]]

    first = replies(1)
    assert first[:40] == first[40:]
    assert first == replies(1)
    assert first != replies(2)


def revision(text: str) -> Messages:
    before = Draft.model_validate({"sentences": [{"text": "It is $1.", "quotes": [{"n": 1, "text": PRICE}]}]})
    rejected = [Claim(text="It is $1.", supported=False, citations=[1], reason="absent")]
    return asked_to_write(text, draft=before, rejected=rejected)


def test_a_revision_is_drawn_anew_at_its_own_rate(sim: Simulator) -> None:
    texts = [f"How much is the Pro plan for order {n}?" for n in range(30)]
    sim.set(SMALL, wrong=1.0, wrong_again=0.0)
    for text in texts:
        ask(client(sim), asked_to_write(text))
        ask(client(sim), revision(text))
    assert Counter(told.draft_no for told in sim.mind.told) == {0: 30}
    post(sim, "/reset")
    sim.set(SMALL, wrong=0.5, wrong_again=None)
    first = [Random(f"1|{SMALL}|{text}|0").random() < 0.5 for text in texts]
    again = [Random(f"1|{SMALL}|{text}|1").random() < 0.5 for text in texts]
    for text in texts:
        ask(client(sim), asked_to_write(text))
        ask(client(sim), revision(text))
    assert Counter(told.draft_no for told in sim.mind.told) == {0: sum(first), 1: sum(again)}


def test_a_lie_that_cannot_be_told_is_counted(sim: Simulator) -> None:
    sim.set(SMALL, wrong=1.0, lies=("figures exchanged",))
    draft = content(ask(client(sim), asked_to_write("Is it blue?", [passage(1, "The icon of the app is blue.")])))
    assert Draft.model_validate_json(draft).sentences
    assert (sim.mind.told, get(sim, "/told")["unable"]) == ([], {SMALL: 1})
