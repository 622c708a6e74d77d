"""What is sent: greeting, questions, notes, sign-off and sources stand around the proven draft and claim nothing."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer import compose, present
from agents.extractive.disagreement import disagreements, is_newer, outdated
from agents.quotes import evidence
from agents.reply import PHRASES, Manner, Tone, name_of
from knowledge_base.proof import prove
from tasks.case import Case, Draft, Passage, Question, Quote, Route, Sentence, Ticket
from tests.agents.test_extractive import passage

TONES: tuple[Tone, ...] = get_args(Tone)

PRICE = "The Pro plan costs $49 per seat per month."
ACCESS = "The Pro plan includes API access with 50,000 calls a month."
STEPS = ("Open the billing page.", "Choose the new plan.")


def said(text: str, n: int = 1, question: int = 0, kind: str = "prose") -> Sentence:
    return Sentence.model_validate(
        {"text": text, "kind": kind, "question": question, "quotes": [Quote(n=n, text=text).model_dump()]}
    )


def reply(text: str = "?", customer: str = "Maya") -> Ticket:
    return Ticket(text=text, customer=customer, kind="reply")


def questions(*texts: str) -> list[Question]:
    return [Question(text=text) for text in texts]


PAGES = [
    passage(PRICE, 1, title="Plans and prices"),
    passage(ACCESS, 2, title="API limits"),
    passage("\n".join(f"{i}. {text}" for i, text in enumerate(STEPS, 1)), 3, title="Changing your plan"),
]
DRAFT = Draft(
    sentences=[
        said(ACCESS, 2, 0),
        said(PRICE, 1, 1),
        *(said(text, 3, 2, "step") for text in STEPS),
    ],
    unanswered=[3],
    ask="Which plan are you on?",
)
ASKED = questions(
    "does Pro include API access", "Is Pro still $39?", "and how do I change my plan?", "Do you have offices in Rome?"
)


def test_a_reply_greets_takes_up_each_question_names_what_is_open_asks_back_and_signs() -> None:
    assert compose(DRAFT, reply(), ASKED, PAGES) == (
        "Hello Maya,\n\n"
        "> Does Pro include API access?\n\n"
        f"{ACCESS} [2]\n\n"
        "> Is Pro still …?\n\n"
        f"{PRICE} [1]\n\n"
        "> How do I change my plan?\n\n"
        f"1. {STEPS[0]} [3]\n2. {STEPS[1]} [3]\n\n"
        "> Do you have offices in Rome?\n\n"
        "The documents do not say this in so many words.\n\n"
        "Which plan are you on?\n\n"
        "Regards,  \nThe support team\n\n"
        "Sources:\n\n- [2] API limits\n- [1] Plans and prices\n- [3] Changing your plan"
    )


def test_an_answer_to_one_question_begins_with_the_answer_and_ends_with_its_sources() -> None:
    text = compose(Draft(sentences=[said(PRICE)]), Ticket(text="How much?"), questions("How much?"), PAGES)
    assert text == f"{PRICE} [1]\n\nSources:\n\n- [1] Plans and prices"


@pytest.mark.parametrize(
    ("customer", "greeting"),
    [
        ("maya@x.org", "Hello,"),
        ("Maya Lee <maya@x.org>", "Hello Maya Lee,"),
        ("Maya Lee (m.lee@x.org)", "Hello Maya Lee,"),
    ],
)
def test_an_address_is_not_greeted_as_a_name(customer: str, greeting: str) -> None:
    assert compose(DRAFT, reply(customer=customer), ASKED, PAGES).startswith(f"{greeting}\n")


@pytest.mark.parametrize(("tone", "kind"), list(itertools.product(TONES, ("reply", "question"))))
def test_what_stands_around_a_draft_is_read_as_no_claim_in_any_tone(tone: Tone, kind: str) -> None:
    ticket = reply().model_copy(update={"kind": kind})
    proof = prove(compose(DRAFT, ticket, ASKED, PAGES, Manner(tone)), [evidence(page) for page in PAGES])
    assert [claim.text for claim in proof.claims if not claim.supported] == []
    assert len(proof.claims) == len(DRAFT.sentences)
    wrong = Draft(sentences=[said(PRICE.replace("49", "59")), *DRAFT.sentences])
    refused = prove(compose(wrong, ticket, ASKED, PAGES, Manner(tone)), [evidence(page) for page in PAGES])
    assert [claim.supported for claim in refused.claims].count(False) == 1


def test_a_title_with_a_figure_among_the_sources_changes_no_verdict() -> None:
    page = passage(PRICE, 1, title="Prices (2026)")
    text = compose(Draft(sentences=[said(PRICE)]), reply(), questions("How much?"), [page])
    assert "- [1] Prices (2026)" in text
    assert prove(text, [evidence(page)]).supported


@given(st.text(max_size=200), st.text(max_size=80), st.sampled_from(TONES))
def test_no_words_of_a_customer_become_a_claim_of_ours(asked: str, name: str, tone: Tone) -> None:
    ticket, draft = reply(customer=name), Draft(sentences=[said(PRICE, 1, 1)], unanswered=[0])
    text = compose(draft, ticket, questions(asked, "How much is Pro?"), PAGES, Manner(tone))
    proof = prove(text, [evidence(page) for page in PAGES])
    assert [claim.text.removesuffix(" [1]") for claim in proof.claims] == [PRICE]


def test_a_question_brings_no_markup_or_link_and_no_end_into_the_reply() -> None:
    asked = "hi, is **[this](http://evil.example)** <b>true</b>\n\n# Yes and " + "so on " * 100
    text = compose(Draft(sentences=[said(PRICE, 1, 1)], unanswered=[0]), reply(), questions(asked, "?"), PAGES)
    assert "evil" not in text
    assert "<b>" not in text
    assert max(len(line) for line in text.splitlines()) < 200


def test_a_question_that_was_answered_with_another_is_named_with_it() -> None:
    draft = Draft(sentences=[said(PRICE, 1, 0)])
    text = compose(draft, reply(), questions("How much is Pro?", "And per seat?"), PAGES)
    assert "> How much is Pro?  \n> Per seat?\n\nThe Pro plan costs" in text


def test_formal_has_no_contractions_and_no_tone_gushes_or_promises() -> None:
    assert not any("'" in phrase or "’" in phrase for phrase in PHRASES["formal"])
    for phrases in PHRASES.values():
        for phrase in phrases:
            assert "!" not in phrase
            assert not {"will", "soon", "shortly", "promise"} & set(phrase.lower().replace(".", "").split())


def test_no_sign_off_is_written_when_there_is_none() -> None:
    assert "Regards" not in compose(DRAFT, reply(), ASKED, PAGES, Manner("plain", ""))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Can I?\n\nThanks,\nMaria Lopez", "Maria Lopez"),
        ("Can I? Thanks, Maria", "Maria"),
        ("It broke.\n\nKind regards\nJosé Álvarez\nAcme Ltd", "José Álvarez"),
        ("It broke.\nBest,\nDr. Li", "Dr. Li"),
        ("Please help. Thanks!", ""),
        ("Thanks in advance,\nThe Team", ""),
        ("Thank you\nSent from my iPhone", ""),
        ("Cheers,\nACME SUPPORT", ""),
        ("Thanks,\nwe are stuck", ""),
        ("Maria Lopez told me to ask you", ""),
    ],
)
def test_a_signature_names_the_customer_only_when_it_is_plainly_a_name(text: str, name: str) -> None:
    assert name_of(Ticket(text=text)) == name
    assert name_of(Ticket(text=text, customer="Ada")) == "Ada"


# --- documents that disagree ---------------------------------------------------------------------------

NEW = passage("An export link expires after 72 hours.", 1, title="Exports", modified="2026-05-01")
OLD = passage("An export link expires after 24 hours.", 2, title="Exports (2025)", modified="2025-05-01")


def test_an_answer_from_the_newer_page_says_that_an_older_one_differs_and_cites_it() -> None:
    draft = Draft(sentences=[said(NEW.text, 1)])
    case = Case.model_validate(
        {
            "case_id": "c",
            "ticket": Ticket(text="How long?"),
            "kb": "k",
            "created_at": "2026-01-01T00:00:00Z",
            "route": Route(
                intent="data", complexity="simple", stakes="low", tier="local", reasons=[], questions=questions("?")
            ),
            "passages": [NEW, OLD],
        }
    )
    present(case, draft)
    note = "this follows the newer page [1], and an older one [2] has another figure."
    assert note in case.answer
    assert [(c.n, c.quote) for c in case.citations] == [(1, NEW.text), (2, OLD.text)]
    assert prove(case.answer, [evidence(NEW), evidence(OLD)]).supported
    assert outdated(draft, [NEW, OLD]) == {}


def test_an_answer_from_the_older_page_is_outdated_whoever_wrote_it() -> None:
    draft = Draft(sentences=[said("Links to exports expire after 24 hours.", 2)])
    (reason,) = outdated(draft, [NEW, OLD]).values()
    assert reason.startswith('outdated: a newer page, "Exports" [1], says: An export link expires after 72 hours.')


def test_when_nothing_tells_which_page_is_newer_both_are_told() -> None:
    here, there = (page.model_copy(update={"modified": None, "title": "Exports"}) for page in (NEW, OLD))
    draft = Draft(sentences=[said(here.text, 1)])
    for tone in TONES:
        text = compose(draft, reply(), questions("How long?"), [here, there], Manner(tone))
        assert f"{here.text} [1]" in text
        assert f"{there.text} [2]" in text
        assert prove(text, [evidence(here), evidence(there)]).supported
    assert outdated(draft, [here, there]) == {}


@pytest.mark.parametrize(
    ("mine", "theirs", "newer"),
    [
        ({"modified": "2026-01-02"}, {"modified": "2026-01-01"}, True),
        ({"modified": "2026-01-01T08:00:00"}, {"modified": "2026-01-01T09:00:00"}, None),
        ({"modified": "2026-01-02", "deprecated": True}, {"modified": "2026-01-01"}, False),
        ({"modified": "2026-01-02", "title": "Limits 2024"}, {"modified": "2026-01-01", "title": "Limits 2025"}, False),
        ({"modified": None}, {"modified": "2026-01-01"}, None),
    ],
)
def test_which_page_is_newer(mine: dict[str, object], theirs: dict[str, object], newer: bool | None) -> None:
    assert is_newer(passage("", 1, **mine), passage("", 2, **theirs)) is newer


@pytest.mark.parametrize(
    ("mine", "theirs", "title"),
    [
        ("The Pro plan costs $49 per seat.", "The Business plan costs $99 per seat.", "Prices"),
        ("The Pro plan costs $49 per seat.", "The Pro Plus plan costs $69 per seat.", "Prices"),
        ("A deleted project stays in the bin for 30 days.", "A deleted file stays in the bin for 60 days.", "Prices"),
        ("Exports expire after 72 hours.", "Exports expire after 5 GB.", "Prices"),
        ("The Pro plan costs $49 per seat.", "The Pro plan goes from $39 to $49 per seat.", "Prices"),
        ("The Pro plan costs $49 per seat.", "The annual Pro plan costs $41 per seat.", "Prices"),
        ("Refunds reach the card within 7 days.", "Refunds do not reach the card within 5 days.", "Prices"),
        ("The monthly fee is $20.", "The monthly fee is $10.", "Gold Plus Account"),
        ("The fee is $20.", "The fee is $10.", "Prices for charities"),
    ],
)
def test_what_is_said_of_something_else_is_no_disagreement(mine: str, theirs: str, title: str) -> None:
    here, there = passage(mine, 1, title="Prices"), passage(theirs, 2, title=title)
    assert disagreements(Draft(sentences=[said(mine)]), [here, there]) == []


def test_a_page_that_gives_several_values_for_the_same_words_contradicts_nobody() -> None:
    page = passage("# A\n\nThe notice period is 14 days.\n\n# B\n\nThe notice period is 21 days.", 2, title="Notice")
    mine = passage("The notice period is 30 days.", 1, title="Notice")
    assert disagreements(Draft(sentences=[said(mine.text)]), [mine, page]) == []


def test_an_older_version_that_the_question_names_is_not_outdated() -> None:
    old = passage("In version 0 the Pro plan included 20,000 calls a month.", 1, title="Limits of version 0")
    new = passage("The Pro plan includes 50,000 calls a month.", 2, title="Limits")
    old = old.model_copy(update={"deprecated": True})
    draft = Draft(sentences=[said(old.text)])
    assert list(outdated(draft, [old, new], "How many calls does Pro include?")) == [0]
    assert outdated(draft, [old, new], "How many calls did Pro include in version 0?") == {}


def test_comparing_with_many_pages_takes_milliseconds() -> None:
    pages: Sequence[Passage] = [
        passage(" ".join(f"The plan {i}{j} costs ${i}{j} per seat." for j in range(10)), i) for i in range(1, 31)
    ]
    began = time.perf_counter()
    disagreements(Draft(sentences=[said("The plan costs $9 per seat.", 1)] * 5), pages)
    assert time.perf_counter() - began < 2
