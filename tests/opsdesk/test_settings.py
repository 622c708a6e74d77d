"""Settings that would do nothing are refused, and by name: a mistyped cap is no cap."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from errors import UsageError
from opsdesk.settings import UI_LOGIN, read_settings
from tests.opsdesk.conftest import Result


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BUGDET_USD", "BUDGET_USD"),
        ("BUDGET", "BUDGET_USD"),
        ("BUDGET__USD", "BUDGET_USD"),
        ("MAX_BUDGET", "[A-Z_]*BUDGET_USD"),
        ("DAILY_BUDGET", "DAILY_BUDGET_USD"),
        ("DEADLINE", "DEADLINE_S"),
        ("TIER__CHEAP__MODEL", "TIERS"),
        ("TIERS_CHEAP_BASE_URL", "TIERS__CHEAP__BASE_URL"),
        ("POLICY__X", "POLICY"),
        ("POLICYS", "POLICY"),
    ],
)
def test_a_slip_in_a_variables_name_is_refused_with_the_name_that_was_meant(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(f"OPSDESK_{name}", "1")
    with pytest.raises(UsageError, match=f"^OPSDESK_{name}: there is no such setting; is OPSDESK_{meant} meant"):
        read_settings()


def test_a_slip_in_dot_env_is_refused_and_what_is_not_ours_there_is_left_alone(home: Path, tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"  # where the tests of this home are run
    dotenv.write_text("POSTGRES_PASSWORD=x\nBUDGET=1\nopsdesk_policy=cheapest\n")
    assert read_settings().policy == "cheapest"
    dotenv.write_text("opsdesk_bugdet_usd=1\n")
    with pytest.raises(UsageError, match=r"^OPSDESK_BUGDET_USD: .* OPSDESK_BUDGET_USD meant"):
        read_settings()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("budget_uds = 1", "is budget_usd meant"),
        ("BUDGET_USD = 1", "is budget_usd meant"),
        ("[tier.cheap]", "is tiers meant"),
        ("frobnicate = 1", "docs/settings.md"),
    ],
)
def test_in_opsdesk_toml_every_key_is_a_setting(home: Path, tmp_path: Path, line: str, said: str) -> None:
    toml = tmp_path / "opsdesk.toml"
    toml.write_text("budget_usd = 1\n[tiers.cheap]\nmodel = 'm'\n")
    assert read_settings().budget_usd == 1
    toml.write_text(f"{line}\n")
    with pytest.raises(UsageError, match=f"^opsdesk.toml: there is no setting .*{said}"):
        read_settings()


def test_what_others_set_under_our_name_is_passed_over_and_told(
    home: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PORT", "PORT_8600_TCP_ADDR", "API_SERVICE_HOST", "DATABASE_PORT"):  # as Kubernetes does
        monkeypatch.setenv(f"OPSDESK_{name}", "tcp://10.0.0.1:8600")
    monkeypatch.setenv(UI_LOGIN, "1")
    told: list[list[str]] = []
    read_settings(told.append)
    monkeypatch.setenv("OPSDESK_IMAGE_TAG", "1.2")
    read_settings(told.append)
    assert told == [[], ["OPSDESK_IMAGE_TAG"]]
    result = run("costs", "--json")
    assert result.code == 0
    assert result.err.count("OPSDESK_IMAGE_TAG") == 1
    assert "OPSDESK_PORT" not in result.err


def test_another_embedder_is_refused_and_not_passed_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_EMBEDDER", "minilm")
    assert read_settings().embedder == "minilm"
    monkeypatch.setenv("OPSDESK_EMBEDDER", "openai")
    with pytest.raises(UsageError, match=r"^OPSDESK_EMBEDDER: is minilm"):
        read_settings()


def test_an_empty_token_is_none_and_a_short_one_says_what_it_takes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSDESK_API_TOKEN", "")
    assert read_settings().api_token is None
    monkeypatch.setenv("OPSDESK_API_TOKEN", "hunter2")
    with pytest.raises(UsageError, match=r"^OPSDESK_API_TOKEN: has fewer than 16 characters") as refused:
        read_settings()
    assert "hunter2" not in f"{refused.value} {refused.value.__cause__}"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", ()),
        ("*", ("*",)),
        (" Ann@Example.com, @example.org ,", ("ann@example.com", "@example.org")),
    ],
)
def test_who_may_sign_in_is_read_as_a_list(
    home: Path, monkeypatch: pytest.MonkeyPatch, given: str, read: tuple[str, ...]
) -> None:
    monkeypatch.setenv("OPSDESK_ALLOWED_EMAILS", given)
    assert read_settings().allowed_emails == read


@pytest.mark.parametrize("given", ["example.org", "*@example.org", "ann@", "@", "ann@example.com @example.org"])
def test_who_may_sign_in_is_addresses_and_domains(home: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("OPSDESK_ALLOWED_EMAILS", given)
    with pytest.raises(UsageError, match=r"^OPSDESK_ALLOWED_EMAILS: is addresses and domains"):
        read_settings()
