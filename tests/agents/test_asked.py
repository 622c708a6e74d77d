"""What a question asks after, and which texts speak of it."""

from __future__ import annotations

import pytest

from agents.asked import features_in, speaking_of


@pytest.mark.parametrize(
    ("question", "features"),
    [
        ("Does the Pro plan include phone support?", ["phone"]),
        ("Which plans have single sign-on?", ["single sign-on"]),
        ("Is group training part of the Gold membership?", ["group training"]),
        ("Hi, do you lend e-books?", ["e-books"]),
        ("Is there a swimming pool at the hotel?", ["swimming pool"]),
        ("I wonder whether the Lite tariff supports EU roaming.", ["EU roaming"]),
        ("Does the Large plan include backups, an SLA and root access?", ["backups", "SLA", "root"]),
        ("Does the Silver card give access to the lounge, and does it offer travel insurance?", ["travel insurance"]),
        ("Are you HIPAA compliant?", ["HIPAA"]),
        ("Is there a way to export my data?", []),  # may be answered in any words
        ("Do you have any idea how long this takes?", []),
        ("Do I have to pay in advance?", []),
        ("How do I reset my password?", []),
        ("What does the Pro plan cost?", []),
        ("Do you know if the recipient has read my mail?", []),
    ],
)
def test_the_feature_that_is_asked_after_is_told_from_what_would_have_it(question: str, features: list[str]) -> None:
    told = [" ".join(words) for words in features_in(question)]
    assert told == features


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Does Pro include SSO?", "Starter and Pro do not include single sign-on."),
        ("Does Pro include single sign-on?", "SSO is part of Business."),
        ("Does Small come with an SLA?", "A service level agreement of 99.9% applies to Large."),
        ("Is there a telephone hotline at night?", "The phone hotline is open until 8 pm."),
        ("Do you have an iOS app?", "Our application for iOS needs version 15."),
        ("Does it support webhooks?", "A web-hook is sent at each change."),
        ("Is late check-out possible?", "A late checkout costs €30."),
        ("Do you lend ebooks?", "E-books are lent for two weeks."),
        ("Is encryption included?", "All files are encrypted at rest."),
        ("Does the room have air-conditioning?", "Air conditioning is in every room."),
        ("Do you offer a family discount?", "A discount of 10% is given to families."),
        ("Does the fare include a refund?", "Tickets are reimbursed until the day before."),
    ],
)
def test_a_text_speaks_of_a_feature_in_whatever_form_its_words_have(question: str, text: str) -> None:
    texts = [text, "Parking is free.", "The plan costs $9 a month.", "We answer within a day."]
    [feature] = features_in(question)
    assert speaking_of(feature, texts) == [True, False, False, False]


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Does Pro include phone support?", "The Pro plan includes e-mail support."),
        ("Does Pro include HIPAA support?", "Pro includes support on weekdays."),
        ("Does Gold include a personal trainer?", "Gold includes a personal locker."),
        ("Do you have a data processing agreement?", "Data is kept for 30 days."),
        ("Does the room have a minibar?", "The room has a balcony and a bathtub."),
        ("Does it offer an API?", "A poor idea is an awful possibility."),
    ],
)
def test_another_feature_of_the_same_thing_is_another(question: str, text: str) -> None:
    [feature] = features_in(question)
    assert speaking_of(feature, [text, "It costs $9.", "We are open on Sundays."]) == [False, False, False]
