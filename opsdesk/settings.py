"""Settings, read once: flags, then the environment, `.env`, `opsdesk.toml`, then these defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from errors import UsageError

PREFIX = "OPSDESK_"


class Settings(BaseSettings):
    """How this Opsdesk works. Each field is the variable `OPSDESK_<NAME>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        toml_file="opsdesk.toml",
        extra="ignore",
        frozen=True,
    )

    policy: Literal["balanced", "cheapest", "best", "offline"] = "balanced"
    """The one dial: how to weigh cost against quality. Only the local tier exists so far, whichever is set."""

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("opsdesk", appauthor=False)))
    """Where state lives: the database, the knowledge bases, caches."""

    database_url: str = ""
    """The task list and the cases; empty means SQLite under `home`."""

    budget_usd: float = Field(default=0.50, ge=0)
    """Per case: the most it may cost."""

    deadline_s: float = Field(default=60, gt=0)
    """Per case: the longest it may take."""

    reference_model: str = "gpt-6.1-sol"
    """The model that the all-frontier estimate is priced at."""

    tone: Literal["plain", "warm", "formal"] = "plain"
    """How replies greet, name what is open, and close."""

    sign_off: str = "The support team"
    """The text below a reply's closing words; empty for none."""

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


def read_settings() -> Settings:
    """The settings in force. Raises `UsageError` naming the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "__".join(str(part) for part in first["loc"]).upper()
        raise UsageError(
            f"{name}: {first['msg'].lower()}; change it in the environment, .env or opsdesk.toml"
        ) from error
    except ValueError as error:  # a broken opsdesk.toml
        raise UsageError(f"opsdesk.toml cannot be read: {error}; mend or remove it") from error
