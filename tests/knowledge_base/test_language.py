"""What is not English cannot be judged, and says so; it is never passed, nor called false."""

from __future__ import annotations

import pytest

from knowledge_base.language import foreign
from knowledge_base.proof import Evidence, prove

ENGLISH = Evidence(
    "1", "Refunds take 5 business days and are paid to the original card. Premium costs $49 per month.", "Refunds"
)
OTHERS = {
    "German": Evidence(
        "1", "Rückerstattungen dauern 5 Werktage und werden auf die ursprüngliche Karte überwiesen.", "Erstattung"
    ),
    "Russian": Evidence("1", "Возврат занимает 5 рабочих дней и поступает на исходную карту клиента.", "Возвраты"),
    "Japanese": Evidence("1", "返金には5営業日かかり、元のカードに支払われます。", "返金"),
}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("answer", ["Refunds take 5 business days.", "Refunds are paid to the original card."])
def test_english_cannot_be_judged_by_passages_of_another_language(language: str, answer: str) -> None:
    proof = prove(answer, [OTHERS[language]])
    assert not proof.supported
    assert proof.claims[0].reason.startswith("cannot judge")


@pytest.mark.parametrize("language", OTHERS)
def test_not_even_the_very_words_of_a_passage_that_cannot_be_read(language: str) -> None:
    proof = prove(OTHERS[language].text, [OTHERS[language]])
    assert not proof.supported
    assert all(made.reason.startswith("cannot judge") for made in proof.claims)


@pytest.mark.parametrize(
    "answer",
    [
        "Die Rückerstattung dauert fünf Werktage und geht auf die ursprüngliche Karte.",
        "Rückerstattungen dauern 5 Werktage.", "Возврат занимает пять рабочих дней на карту.",
        "返金は元のカードに支払われます。", "Les remboursements sont versés sur la carte d'origine.",
    ],
)  # fmt: skip
def test_an_answer_in_another_language_than_the_passages_cannot_be_judged(answer: str) -> None:
    proof = prove(answer, [ENGLISH])
    assert not proof.supported
    assert proof.claims[0].reason.startswith("cannot judge")


def test_a_foreign_passage_beside_an_english_one_does_not_stop_the_judgement() -> None:
    both = [ENGLISH, Evidence("2", OTHERS["German"].text)]
    assert prove("Refunds take 5 business days [1].", both).supported
    assert prove("Refunds take 6 business days.", both).claims[0].reason.startswith("absent")
    assert prove("Refunds take 5 business days [2].", both).claims[0].reason.startswith("cannot judge")


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            "Kazimierz Wojciechowski and Svetlana Aleksandrova approve releases.",
            "Kazimierz Wojciechowski and Svetlana Aleksandrova do not approve releases.",
        ),
        ("```\nkubectl rollout restart deploy/web -n prod\n```", "```\nkubectl rollout restart deploy/db -n prod\n```"),
        ("Restart it: `systemctl restart nginx --now`", "Restart it: `systemctl restart redis --now`"),
        ("49 19 30 7", "49 19 30 8"),
    ],
)
def test_english_with_names_or_code_and_bare_numbers_are_judged(text: str, changed: str) -> None:
    passage = Evidence("1", text)
    assert prove(text, [passage]).supported
    refused = [made.reason for made in prove(changed, [passage]).claims if made.reason]
    assert refused
    assert not any(reason.startswith("cannot judge") for reason in refused)


def test_the_language_is_named_only_where_it_is_sure() -> None:
    assert foreign(OTHERS["German"].text) == "de"
    assert foreign(OTHERS["Russian"].text) == "ru"
    assert foreign(OTHERS["Japanese"].text) == "ja"
    assert [foreign(text) for text in ("", "42", "Ja.", ENGLISH.text)] == [""] * 4
