"""How much of a claim's wording the passages carry: real model prose stands, what it adds of its own does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.proof import Evidence, Proof, prove
from knowledge_base.support import answer_risk, names_said

KALE = (
    Evidence(
        "1",
        "Kale keeps for a week in the fridge if it is wrapped in a damp towel. Wash the leaves only before use, "
        "because moisture makes them rot. Freezing kale needs blanching for two minutes.",
        "Kale",
    ),
    Evidence(
        "2", "To freeze kale, blanch the leaves, cool them in ice water, dry them and put them into bags.", "Freezing"
    ),
)
TRUE = "Kale keeps for a week in the fridge."
RISKS = st.lists(st.floats(0, 1), max_size=12)


def proved(answer: str) -> Proof:
    return prove(answer, KALE)


@pytest.mark.parametrize(
    "answer",
    [
        "Kale keeps for about a week in the fridge if it is wrapped in a damp towel.",
        "Based on the passages, kale keeps for a week in the fridge.",
        "According to passage 1, the leaves should only be washed before use.",
        "Passage 2 says that you should cool the leaves in ice water.",
        "The first passage states that kale keeps for a week.",
        "Generally, kale may keep for a week in the fridge.",
        "In summary, wrap kale in a damp towel, wash it only before use, and blanch it before freezing.",
        "Overall, kale stays fresh for roughly one week when wrapped in a damp towel.",
        "To freeze kale:\n\n1. Blanch the leaves.\n2. Cool them in ice water.\n3. Dry them and put them into bags.",
        "- **Storage:** kale keeps for a week in the fridge.\n- **Freezing:** blanch for two minutes.",
    ],
)
def test_hedges_lists_summaries_and_words_about_the_passages_do_not_fail_what_is_true(answer: str) -> None:
    proof = proved(answer)
    assert [made.reason for made in proof.claims if made.reason] == []
    assert proof.supported


@pytest.mark.parametrize(
    "added",
    [
        "Vitamin K in kale strengthens bones and eyesight.",
        "Chefs in Tuscany marinate it overnight with lemon.",
        "Frozen leaves lose most of their flavour after several months.",
        "Always buy organic bunches from a local farmer.",
    ],
)
def test_an_added_sentence_makes_the_answer_less_likely_and_unsupported(added: str) -> None:
    longer = proved(f"{TRUE} {added}")
    assert [made.supported for made in longer.claims] == [True, False]
    assert not longer.supported
    assert longer.score < proved(TRUE).score - 0.2


def test_the_more_a_sentence_adds_the_less_likely_it_is() -> None:
    scores = [
        proved(f"Kale keeps for a week in the fridge{more}.").score
        for more in ("", " beside cheese", " beside cheese and strong onions", " beside cheese and onions in tall jars")
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize(
    "said",
    [
        "The passages do not say how long frozen kale keeps.", "It is not stated whether kale can be frozen raw.",
        "Unfortunately, the provided context does not contain information about spinach.",
        "There is no information about microwaves in these passages.", "I could not find anything about spinach.",
    ],
)  # fmt: skip
def test_that_the_passages_are_silent_is_no_claim(said: str) -> None:
    assert proved(said).claims == ()
    both = proved(f"{TRUE} {said}")
    assert both.supported
    assert [made.text for made in both.claims] == [TRUE]


POLICY = Evidence(
    "1",
    "The policy covers theft and water damage at home. We refund unused months to every customer. "
    "Data is shared with the payment provider. Claims take 10 days.",
)


@pytest.mark.parametrize(
    "said",
    [
        "The policy does not say whether fire is covered.", "It does not mention fire.",
        "It doesn't provide any details on fire.", "We do not have any information about fire.",
        "We cannot provide details on fire.", "The documents do not cover fire.", "No details are given about fire.",
        "I am unable to give an answer on fire.", "Fire is not covered in the documents.",
    ],
)  # fmt: skip
def test_whatever_is_silent_it_is_no_claim(said: str) -> None:
    assert [made.text for made in prove(f"Claims take 10 days. {said}", [POLICY]).claims] == ["Claims take 10 days."]


@pytest.mark.parametrize(
    "said",
    [
        "It does not cover water damage.", "The policy does not cover water damage at home.",
        "Water damage is not covered by the policy.", "We cannot provide unused months.",
        "We are unable to provide a refund of unused months.", "We do not have theft and water damage.",
        "They do not offer theft and water damage.", "No data is shared with the payment provider.",
    ],
)  # fmt: skip
def test_a_denial_of_the_matter_is_a_claim(said: str) -> None:
    assert len(prove(f"Claims take 10 days. {said}", [POLICY]).claims) == 2


def test_what_follows_such_silence_is_a_claim() -> None:
    proof = proved("The passages do not say how to cook it, but grilled kale tastes of roasted chestnuts.")
    assert not proof.supported


@pytest.mark.parametrize(
    "answer",
    [
        "Kale keeps for 9 weeks in the fridge.",  # a figure
        "Kale does not keep for a week in the fridge.",  # a denial
        "Kale keeps for a week in the fridge [7].",  # a citation
        "Kale keeps for a week in the fridge, says Marlowe.",  # a name
        "Vitamins strengthen bones and improve eyesight.",  # wording
        "Der Kohl hält sich im Kühlschrank eine ganze Woche lang frisch.",  # a language
        "Yes.",
    ],
)
def test_whatever_a_claim_fails_for_it_scores_below_one_half(answer: str) -> None:
    (made,) = proved(answer).claims
    assert made.reason
    assert made.score < 0.5


def test_only_wording_leaves_a_claim_undecided() -> None:
    (loose,) = proved("Vitamins strengthen bones and improve eyesight.").claims
    (figure,) = proved("Kale keeps for 9 weeks in the fridge.").claims
    assert (loose.undecided, figure.undecided) == (True, False)


@given(RISKS)
def test_the_risk_of_an_answer_is_a_probability(risks: list[float]) -> None:
    assert 0 <= answer_risk(risks) <= 1


@given(RISKS, st.floats(0, 1))
def test_another_claim_never_lowers_the_risk_of_an_answer(risks: list[float], more: float) -> None:
    assert answer_risk([*risks, more]) >= answer_risk(risks) - 1e-9


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0, 1), st.integers(0, 11))
def test_a_riskier_claim_never_lowers_the_risk_of_an_answer(risks: list[float], rise: float, place: int) -> None:
    place %= len(risks)
    higher = [*risks[:place], min(1.0, risks[place] + rise), *risks[place + 1 :]]
    assert answer_risk(higher) >= answer_risk(risks) - 1e-9


def test_one_bad_claim_weighs_more_than_many_small_doubts() -> None:
    assert answer_risk([0.9]) > answer_risk([0.1] * 20)


def test_names_are_capitals_within_a_sentence_and_not_the_calendar() -> None:
    assert names_said("Ask Marlowe at Harborview on Monday, since The March invoice is late.") == [
        "Marlowe",
        "Harborview",
    ]
    assert names_said("Refunds take a week.") == []


MENU = Evidence(
    "1",
    "Open **Settings → Developer → Webhooks** and choose New webhook. A sale of $750 → 1 tree.\n\n"
    "Each event has a signature. Missed events are listed under Deliveries.",
    "Webhooks",
)


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("Open Settings → Developer → Webhooks and select New webhook.", ""),
        ("Open **Settings** > **Developer** > **Webhooks**.", ""),
        ("Open Settings → Webhooks and select New webhook.", ""),
        ("A sale of $750 → 1 tree.", ""),
        ("Open Settings → Deliveries → Webhooks and select New webhook.", "Settings → Deliveries"),
    ],
)
def test_a_step_of_a_menu_stands_where_the_other_one_does(answer: str, missing: str) -> None:
    (made,) = prove(answer, [MENU]).claims
    assert made.reason == (f"absent: {missing} is in none of the passages" if missing else "")
