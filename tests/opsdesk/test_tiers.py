"""Which paid tiers are in force, and what is told when settings make no sense: always with the variable to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import UsageError
from opsdesk.settings import Settings, read_settings
from opsdesk.tiers import OPENAI_URL, Problem, paid_tiers, prices, problems, secrets_of

KEY = "sk-canary-0123456789"


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name if name == "OPENAI_API_KEY" else f"OPSDESK_{name}", value)
    return read_settings()


def found(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Problem:
    """The first problem of these settings, which tells no secret."""
    first = problems(settings(monkeypatch, **variables))[0]
    assert KEY not in str(first)
    return first


def test_an_openai_key_alone_configures_two_priced_tiers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, OPENAI_API_KEY=KEY)
    tiers = paid_tiers(read)
    assert list(tiers) == ["cheap", "frontier"]
    assert {tier.base_url for tier in tiers.values()} == {OPENAI_URL}
    for tier, paid in tiers.items():
        assert paid.api_key is not None
        assert paid.api_key.get_secret_value() == KEY
        assert prices(read).shown(tier, paid.model) is not None
    assert problems(read) == []


def test_tiers_of_ones_own_stand_alone_beside_an_openai_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiers = paid_tiers(
        settings(
            monkeypatch,
            OPENAI_API_KEY=KEY,
            TIERS__CHEAP__MODEL="llama",
            TIERS__CHEAP__BASE_URL="http://127.0.0.1:11434/v1",
        )
    )
    assert list(tiers) == ["cheap"]
    assert tiers["cheap"].api_key is None  # OpenAI's key goes to OpenAI alone


def test_an_openai_key_serves_a_tier_at_openai(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiers = paid_tiers(settings(monkeypatch, OPENAI_API_KEY=KEY, TIERS__FRONTIER__MODEL="gpt-6.1-sol"))
    assert tiers["frontier"].api_key is not None


def test_a_reference_model_without_a_price_is_named_unless_a_frontier_tier_is_the_reference(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(monkeypatch, REFERENCE_MODEL="nosuch", OPENAI_API_KEY=KEY)
    assert problems(given) == []
    monkeypatch.delenv("OPENAI_API_KEY")
    (told,) = [one for one in problems(read_settings()) if one.variable == "OPSDESK_REFERENCE_MODEL"]
    assert (told.level, '"nosuch"' in told.text) == ("warning", True)


def test_offline_has_no_paid_tiers_whatever_is_configured(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch, OPENAI_API_KEY=KEY, POLICY="offline")
    assert paid_tiers(read) == {}
    assert problems(read)[0].level == "warning"


def test_balanced_without_a_tier_says_that_the_built_in_model_does_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = found(monkeypatch)
    assert problem.level == "warning"
    assert "OPENAI_API_KEY" in problem.text
    assert paid_tiers(read_settings()) == {}


def test_best_without_a_tier_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="best needs a paid tier"):
        paid_tiers(settings(monkeypatch, POLICY="best"))


LOOPBACK = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("CHEAP__MODEL", {"CHEAP__BASE_URL": LOOPBACK}),
        ("CHEAP__API_KEY", {"CHEAP__MODEL": "m", "CHEAP__BASE_URL": "https://models.example/v1"}),
        ("CHEAP__API_KEY", {"CHEAP__MODEL": "m"}),
        ("CHEAP__BASE_URL", {"CHEAP__MODEL": "m", "CHEAP__BASE_URL": "localhost:11434", "CHEAP__API_KEY": KEY}),
        ("CHEAP__BASE_URL", {"CHEAP__MODEL": "m", "CHEAP__BASE_URL": "http://[::1", "CHEAP__API_KEY": KEY}),
        ("CHEAP__BASE_URL", {"CHEAP__MODEL": "m", "CHEAP__BASE_URL": f"https://u:{KEY}@h/v1", "CHEAP__API_KEY": KEY}),
        ("CHEAP__OUTPUT_PRICE", {"CHEAP__MODEL": "m", "CHEAP__BASE_URL": LOOPBACK, "CHEAP__INPUT_PRICE": "1"}),
        ("CHEAP__INPUT_PRICE", {"CHEAP__MODEL": "m", "CHEAP__BASE_URL": LOOPBACK, "CHEAP__CACHED_PRICE": "1"}),
    ],
)
def test_a_tier_that_cannot_be_used_names_the_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, wrong: dict[str, str]
) -> None:
    problem = found(monkeypatch, **{f"TIERS__{name}": value for name, value in wrong.items()})
    assert problem.level == "error"
    assert problem.variable == f"OPSDESK_TIERS__{variable}"
    with pytest.raises(UsageError, match=problem.variable):
        paid_tiers(read_settings())


@pytest.mark.parametrize(
    ("variable", "odd"),
    [
        ("OPSDESK_TIERS__CHEAP__BASE_URL", {"CHEAP__BASE_URL": "http://127.0.0.1:1", "CHEAP__MODEL": "gpt-6-luna"}),
        (
            "OPSDESK_TIERS__CHEAP__BASE_URL",
            {"CHEAP__BASE_URL": "http://models.example/v1", "CHEAP__MODEL": "gpt-6-luna", "CHEAP__API_KEY": KEY},
        ),
        ("OPSDESK_TIERS__CHEAP__INPUT_PRICE", {"CHEAP__BASE_URL": LOOPBACK, "CHEAP__MODEL": "my-own-llama"}),
        (
            "OPSDESK_TIERS__CHEAP__MODEL",
            {
                "CHEAP__BASE_URL": LOOPBACK,
                "CHEAP__MODEL": "gpt-6.1-sol",
                "FRONTIER__BASE_URL": LOOPBACK,
                "FRONTIER__MODEL": "gpt-6-luna",
            },
        ),
    ],
)
def test_what_is_odd_is_told_and_works(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, odd: dict[str, str]
) -> None:
    problem = found(monkeypatch, **{f"TIERS__{name}": value for name, value in odd.items()})
    assert problem.level == "warning"
    assert problem.variable == variable
    assert "cheap" in paid_tiers(read_settings())


def test_a_budget_of_nothing_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch, OPENAI_API_KEY=KEY, BUDGET_USD="0").variable == "OPSDESK_BUDGET_USD"


def test_a_tier_for_high_stakes_must_be_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = found(monkeypatch, OPENAI_API_KEY=KEY, HIGH_STAKES_TIER="mid")
    assert (problem.level, problem.variable) == ("error", "OPSDESK_HIGH_STAKES_TIER")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIERS__CHEAP__INPUT_PRICE", "-1"),
        ("TIERS__CHEAP__OUTPUT_PRICE", "nan"),
        ("TIERS__CHEAP__MAX_CONCURRENCY", "0"),
        ("TIERS__CHEAP__TIMEOUT", "0"),
        ("TIERS__CHEEP", "x"),
        ("TIERS__CHEAP__KEY", KEY),
        ("TIERS__CHEAP__INPUT_PRICE", KEY),
        ("BUDGET_USD", "inf"),
        ("DAILY_BUDGET_USD", "-1"),
        ("POLICY", "cheap"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name_and_not_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(UsageError, match=f"^OPSDESK_{name}: ") as refused:
        settings(monkeypatch, **{name: value})
    assert KEY not in f"{refused.value} {refused.value.__cause__}"


def test_broken_json_in_a_variable_is_not_repeated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="broken JSON") as refused:
        settings(monkeypatch, TIERS="{" + KEY)
    assert KEY not in f"{refused.value} {refused.value.__cause__}"


def test_every_secret_is_known_to_the_filter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(
        monkeypatch,
        OPENAI_API_KEY="one-secret",
        TIERS__MID__API_KEY="two-secret",
        DATABASE_URL="postgresql+psycopg://u:three-secret@127.0.0.1/x",
    )
    assert secrets_of(read) == ["one-secret", "two-secret", "three-secret"]
    assert not any(secret in repr(read) for secret in ("one-secret", "two-secret"))
