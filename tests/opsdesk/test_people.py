"""Who has signed in, and whether they may enter."""

from __future__ import annotations

import pytest

from opsdesk.people import identified, refusal

ISSUER = {"iss": "https://accounts.example.com", "sub": "4711"}
NAMED = ("ann@example.com", "@example.org")


@pytest.mark.parametrize("email", ["ann@example.com", "Ann@Example.com", "bob@example.org", "BOB@EXAMPLE.ORG"])
def test_whoever_is_named_may_enter_however_the_address_is_spelled(email: str) -> None:
    assert refusal(identified({**ISSUER, "email": email, "email_verified": True}), NAMED) == ""


@pytest.mark.parametrize(
    "email",
    [
        "eve@example.com",
        "ann@example.com.evil.example",
        "bob@sub.example.org",
        "bob@evilexample.org",
        "bob@example.org@evil.example",
        "example.org",
        "@example.org ",
        "",
    ],
)
def test_others_are_turned_away(email: str) -> None:
    assert refusal(identified({**ISSUER, "email": email}), NAMED)


@pytest.mark.parametrize("said", [False, "false", "False"])
def test_an_address_that_is_not_verified_is_nobodys(said: bool | str) -> None:
    taken = identified({**ISSUER, "email": "ann@example.com", "email_verified": said})
    assert taken.email == ""
    assert taken.id == "https://accounts.example.com 4711"
    assert taken != identified({**ISSUER, "email": "ann@example.com", "email_verified": True})
    assert "no verified e-mail address" in refusal(taken, NAMED)
    assert refusal(taken, ("*",)) == ""


def test_a_subject_is_no_address_and_two_providers_may_use_the_same() -> None:
    assert refusal(identified({"iss": "https://a.example", "sub": "ann@example.com"}), NAMED)
    assert identified({"iss": "https://a.example", "sub": "1"}) != identified({"iss": "https://b.example", "sub": "1"})


def test_who_cannot_be_told_apart_does_not_enter_anywhere() -> None:
    assert "told apart" in refusal(identified({}), ("*",))
