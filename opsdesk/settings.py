"""Settings, read once: flags, then the environment, `.env`, `opsdesk.toml`, then these defaults."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import platformdirs
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from errors import UsageError
from opsdesk.setting_names import check_keys, check_variables
from tasks.case import Policy

PREFIX = "OPSDESK_"

UI_LOGIN = f"{PREFIX}UI_LOGIN"
"""No setting: 1 where `opsdesk ui` tells its pages that they are for people who have signed in."""

TOKEN_CHARACTERS = 16
"""The least that a token of one's own has."""

Dollars = Annotated[Decimal, Field(ge=0, le=100_000, allow_inf_nan=False)]


PaidName = Literal["cheap", "mid", "frontier"]


def _tiers_named(value: Any) -> Any:
    """`off`, `on` or tiers with commas between them, as the tiers that they name."""
    every: tuple[str, ...] = get_args(PaidName)
    given = str(value).split(",") if isinstance(value, str | bool) else value
    names = [str(name).strip().lower() for name in given] if isinstance(given, list | tuple) else [""]
    if len(names) == 1 and (switch := {"off": (), "false": (), "on": every, "true": every}.get(names[0])) is not None:
        return switch
    if not set(names) <= set(every):
        raise PydanticCustomError("tiers", "is off, on, or some of cheap, mid and frontier, such as: cheap,mid")
    return tuple(name for name in every if name in names)


def _people_named(value: Any) -> Any:
    """E-mail addresses and domains with commas between them, in small letters; `*` alone is everybody."""
    given = value.split(",") if isinstance(value, str) else value
    listed = [str(name).strip().lower() for name in given] if isinstance(given, list | tuple) else ["?"]
    names = [name for name in listed if name]
    if not all(name == "*" or _PERSON.fullmatch(name) for name in names):
        raise PydanticCustomError(
            "people", "is addresses and domains, such as: ann@example.com, @example.org; * for everybody"
        )
    return tuple(names)


_PERSON = re.compile(r"[^@\s*]*@[^@\s*]+")


def _embedder_named(value: Any) -> Any:
    if value != "minilm":
        raise PydanticCustomError(
            "embedder",
            "is minilm, the embedding model on this machine; there is no other, and no text is sent away to be indexed",
        )
    return value


class TierSettings(BaseModel):
    """One tier: a model at an OpenAI-compatible endpoint. Each field is `OPSDESK_TIERS__<TIER>__<NAME>`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model: str = Field(default="", max_length=200)
    """Its name, as the server knows it."""

    base_url: str = Field(default="", max_length=2_000)
    """Where the server's API begins, usually ending in /v1; empty means OpenAI's own."""

    api_key: SecretStr | None = None
    """Sent as a bearer token; `OPENAI_API_KEY` when empty, but to OpenAI's own endpoint alone."""

    input_price: Dollars | None = None
    """USD per million tokens read; stands above the price table, together with `output_price`."""

    output_price: Dollars | None = None
    """USD per million tokens written."""

    cached_price: Dollars | None = None
    """USD per million tokens read from the provider's prompt cache; `input_price` when empty."""

    max_concurrency: int = Field(default=8, ge=1, le=1_000)
    """Calls at once, by all workers of a database together."""

    timeout: float = Field(default=40, gt=0, le=3_600)
    """Seconds that one request may take, so that another tier has time to write; never past the case's deadline."""


class TiersSettings(BaseModel):
    """The paid tiers that are configured."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    cheap: TierSettings | None = None
    mid: TierSettings | None = None
    frontier: TierSettings | None = None


class McpTool(BaseModel):
    """A tool on the allow-list of an MCP server."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    when: str = Field(default="", max_length=1_000)
    """Words that call for it, beside those of its own name: "parcel delivery tracking"."""

    arguments: dict[str, str] = {}
    """How what it has to be told looks in a ticket, as regular expressions: `order_id = "ORD-\\d+"`."""

    changes: bool | None = None
    """Whether it does more than read: then it is proposed to a person, never called. Empty: as its server says."""


class McpServer(BaseModel):
    """An MCP server whose tools the retriever may ask: one that is started here, or one at an address."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    command: str = Field(default="", max_length=2_000)
    """What starts it; it speaks MCP over stdio."""

    args: list[str] = []
    """Of the command."""

    env: dict[str, SecretStr] = {}
    """Variables that it is given, beside PATH, HOME and the like; none of Opsdesk's own."""

    url: str = Field(default="", max_length=2_000, pattern=r"^(https?://[^\s@]+)?$")
    """Its address, such as https://host/mcp, where it runs elsewhere."""

    token: SecretStr | None = None
    """Sent to it as a bearer token."""

    tools: dict[str, McpTool] | list[str]
    """The allow-list: names, or a table for each. No other is ever called."""

    timeout: float = Field(default=5, gt=0, le=60)
    """Seconds that it may take to answer a call; three times as long to start."""

    internal: bool = False
    """Whether what it tells is for staff only."""

    @model_validator(mode="after")
    def _one_way(self) -> McpServer:
        if bool(self.command) == bool(self.url):
            raise ValueError("give it either a command or a url")
        return self

    @property
    def allowed(self) -> dict[str, McpTool]:
        """The allow-list, with what is set for each."""
        return self.tools if isinstance(self.tools, dict) else {name: McpTool() for name in self.tools}


class McpSettings(BaseModel):
    """What the retriever may ask beside the documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    servers: dict[str, McpServer] = {}


class Settings(BaseSettings):
    """How this Opsdesk works. Each field is the variable `OPSDESK_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        toml_file="opsdesk.toml",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    policy: Policy = "balanced"
    """The one dial: how to weigh cost against quality."""

    tiers: TiersSettings = TiersSettings()
    """The paid tiers."""

    mcp: McpSettings = McpSettings()
    """MCP servers, best set in opsdesk.toml: `[mcp.servers.NAME]`."""

    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    """Alone it is enough: fills `cheap` and `frontier` with OpenAI's models."""

    redact: Annotated[tuple[PaidName, ...], NoDecode, BeforeValidator(_tiers_named)] = ()
    """The tiers that are sent placeholders in place of personal data: `off`, `on`, or some, such as `cheap,mid`."""

    high_stakes_tier: PaidName | None = None
    """The least tier that writes about law, security, deletion or money going out; empty means the dearest."""

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("opsdesk", appauthor=False)))
    """Where state lives: the database, the knowledge bases, caches."""

    database_url: str = ""
    """The task list and the cases; empty means SQLite under `home`."""

    embedder: Annotated[Literal["minilm"], BeforeValidator(_embedder_named)] = "minilm"
    """What makes vectors of texts: all-MiniLM-L6-v2, on this machine. There is no other yet."""

    budget_usd: float = Field(default=0.50, ge=0, allow_inf_nan=False)
    """Per case: the most it may cost."""

    daily_budget_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Per day (UTC), over all cases of this database: the most they may cost together."""

    tenant_daily_budget_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The same for each tenant."""

    deadline_s: float = Field(default=60, gt=0)
    """Per case: the longest it may take."""

    shadow_share: float = Field(default=0.0, ge=0, le=0.05, allow_inf_nan=False)
    """Of the cases that workers finish, those that another tier writes again unseen, for `opsdesk replay`."""

    in_flight: Literal["repeat", "hold"] = "repeat"
    """A paid call of a batch that was on its way when its worker ended: made again, or left to a person."""

    api_token: SecretStr | None = None
    """A bearer token for `opsdesk serve` that may do everything, for every tenant; beside those of `opsdesk token`."""

    allowed_emails: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_people_named)] = ()
    """Who may sign in to the pages: addresses, and domains as @example.com; `*` is whom the provider knows."""

    rate_limit: int = Field(default=600, ge=0)
    """Requests a minute that `opsdesk serve` takes from one token; 0 is any number."""

    webhook_url: str = Field(default="", max_length=2_000)
    """Who is told when a case left through the API, or a batch, has ended; empty for those that a request names."""

    webhook_secret: SecretStr | None = None
    """What webhooks are signed with: whsec_ and 24 to 64 bytes in base64, as Standard Webhooks has it."""

    webhook_private: bool = False
    """Whether webhooks may go to this machine and to private networks, and there without https."""

    trace_text: bool = False
    """Whether OpenTelemetry traces hold what was asked, found and written, without secrets; else figures alone."""

    price_per_resolved_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """What a resolved ticket is charged at, for `opsdesk costs` to tell the margin."""

    reference_model: str = "gpt-6.1-sol"
    """The model that the all-frontier estimate is priced at."""

    tone: Literal["plain", "warm", "formal"] = "plain"
    """How replies greet, name what is open, and close."""

    sign_off: str = "The support team"
    """The text below a reply's closing words; empty for none."""

    keep_days: int | None = Field(default=None, ge=1, le=36_500)
    """Days for which cases are kept whole; older ones are pruned to their figures. None is for ever."""

    keep_cases: int | None = Field(default=None, ge=1)
    """The most cases that are kept whole, the newest; None is any number."""

    @field_validator("api_token")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None or not secret.get_secret_value():  # as a blank line in .env
            return None
        if len(secret.get_secret_value()) < TOKEN_CHARACTERS:
            raise PydanticCustomError(
                "short", f"has fewer than {TOKEN_CHARACTERS} characters; make one with: openssl rand -hex 24"
            )
        return secret

    @field_validator("webhook_secret")
    @classmethod
    def _can_sign(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is None or not secret.get_secret_value():
            return None
        text = secret.get_secret_value()
        try:
            whole = text.startswith("whsec_") and 24 <= len(b64decode(text[6:], validate=True)) <= 64
        except ValueError:
            whole = False
        if not whole:
            raise PydanticCustomError("no_secret", "is no secret; make one with: echo whsec_$(openssl rand -base64 32)")
        return secret

    @property
    def redacted(self) -> str:
        """`redact` as it is set: off, on, or the tiers."""
        return {0: "off", len(get_args(PaidName)): "on"}.get(len(self.redact), ", ".join(self.redact))

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home / 'opsdesk.sqlite'}"

    @property
    def knowledge_bases(self) -> Path:
        """The folder that holds one folder a knowledge base."""
        return self.home / "kb"

    @property
    def models(self) -> Path:
        """The folder of the embedding model's cache."""
        return self.home / "models"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Puts `opsdesk.toml` below the environment and `.env`."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)


def read_settings(passed_over: Callable[[list[str]], object] = lambda names: None) -> Settings:
    """The settings in force. Raises `UsageError` naming the variable that is wrong, also where only its name is.

    `passed_over` is given the variables that begin as ours do, and are no settings and like none.
    """
    try:
        unknown = _unknown_variables()
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "__".join(str(part) for part in first["loc"]).upper()
        name = name if name == "OPENAI_API_KEY" else PREFIX + name
        wrong = _WRONG.get(first["type"], first["msg"].lower())
        raise UsageError(f"{name}: {wrong}; change it in the environment, .env or opsdesk.toml") from error
    except SettingsError:  # its message is about a JSON value that may be a key
        message = f"a variable that begins with {PREFIX} holds broken JSON; set the nested ones, such as"
        raise UsageError(f"{message} {PREFIX}TIERS__CHEAP__MODEL, instead") from None
    except ValueError as error:  # a broken opsdesk.toml
        raise UsageError(f"opsdesk.toml cannot be read: {error}; mend or remove it") from error
    passed_over(unknown)
    return settings


_WRONG = {"extra_forbidden": "there is no such setting"}


def _unknown_variables() -> list[str]:
    """The variables that are no settings and like none. Raises `UsageError` for slips of one."""
    fields = Settings.model_fields
    nested = {name for name, field in fields.items() if isinstance(field.default, BaseModel)}
    given: Iterable[str] = {*EnvSettingsSource(Settings).env_vars, *DotEnvSettingsSource(Settings).env_vars}
    check_keys(TomlConfigSettingsSource(Settings).toml_data, {*fields, "OPENAI_API_KEY"}, nested)
    return check_variables(set(given) - {UI_LOGIN.lower()}, PREFIX.lower(), fields, nested)
