"""The time that a question asks about, and what holds for it."""

from __future__ import annotations

import pytest

from agents.period import holds_for, period_asked


@pytest.mark.parametrize(
    "question",
    [
        "What did the Pro plan cost in 2024?",
        "How much was the membership in 2024?",
        "What were the opening hours in May 2024?",
        "What did we pay for the Gold card in 2024?",
        "What will the fee be in 2024?",
        "Which rate applied? And what was the limit during 2024?",
    ],
)
def test_a_year_in_which_something_was_is_asked_about(question: str) -> None:
    asked = period_asked(question)
    assert asked is not None
    assert asked.first // 12 == asked.last // 12 == 2024


@pytest.mark.parametrize(
    "question",
    [
        "What does the Pro plan cost?",
        "Can I still use the key I created in 2023?",
        "I joined in 2024, what does it cost?",
        "Does Pro allow 2000 calls a month?",
        "What happens after 2000 requests?",
        "What does RFC 2019 say?",
        "Where is my invoice from 2023?",
    ],
)
def test_a_number_and_the_askers_own_past_are_no_time_asked_about(question: str) -> None:
    assert period_asked(question) is None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("In 2024 the tariff cost €17 a month.", True),
        ("API limits (2024) | The plan included 20,000 calls.", True),
        ("From 2023 to 2025 we opened at 7 am.", True),
        ("The rate for 2022-2025 is 3%.", True),
        ("Until 31 March 2025 the fee was $5.", True),
        ("Since 1 June 2021 parking is free.", True),
        ("On 12 May 2024 the price went up to $9.", True),
        ("The tariff costs €19 a month.", False),
        ("Since January 2025 it costs €19.", False),
        ("From 2021 to 2023 we opened at 7 am.", False),
        ("The plan includes 2024 calls a month.", False),
        ("Until 2022 the fee was $5.", False),
    ],
)
def test_what_holds_for_a_year_says_so(text: str, holds: bool) -> None:
    asked = period_asked("What did it cost in 2024?")
    assert asked is not None
    assert holds_for(asked, text, "2026-03-01") == holds


@pytest.mark.parametrize(
    ("question", "modified", "holds"),
    [
        ("What does it cost in 2026?", "2026-03-01", True),
        ("What does it cost in 2027?", "2026-03-01", True),
        ("What does it cost in 2027?", None, True),
        ("What does it cost in 2024?", "2026-03-01", False),
        ("How much was it in 2026?", "2026-03-01", True),
        ("How much was it in 2026?", None, False),
        ("What will it cost in 2031?", "2026-03-01", False),
    ],
)
def test_a_page_in_force_speaks_for_its_own_year_and_for_now(question: str, modified: str | None, holds: bool) -> None:
    asked = period_asked(question)
    assert asked is not None
    assert holds_for(asked, "It costs $9.", modified) == holds
    assert not holds_for(asked, "It costs $9.", modified, in_force=False)


def test_what_holds_from_a_day_on_holds_soon_after_it_and_not_for_ever() -> None:
    near, far = period_asked("What will it cost in May 2026?"), period_asked("What will it cost in 2035?")
    assert near is not None
    assert far is not None
    text = "From 1 March 2026 it costs $9."
    assert [holds_for(asked, text, "2026-01-01") for asked in (near, far)] == [True, False]
