"""Settings -> the paid tiers in force, and what is wrong with them."""

from __future__ import annotations

import importlib.util
import ipaddress
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from errors import UsageError
from opsdesk.settings import PREFIX, PaidName, Settings, TierSettings
from tasks.case import Tier
from tasks.prices import OwnPrice, Prices

if TYPE_CHECKING:
    from agents.placeholders import Redaction

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_MODELS: dict[Tier, str] = {"cheap": "gpt-6-luna", "frontier": "gpt-6.1-sol"}
"""What `OPENAI_API_KEY` alone configures; both have a price in the table."""

PAID: tuple[PaidName, ...] = get_args(PaidName)


@dataclass(frozen=True, slots=True)
class PaidTier:
    """A tier that may be called. `base_url` is never empty; without a key, servers are sent a placeholder.

    One that is `redacted` is sent no personal data that is found.
    """

    tier: Tier
    model: str
    base_url: str
    api_key: SecretStr | None
    price: OwnPrice | None
    max_concurrency: int
    timeout_s: float
    redacted: bool = False


class Problem(NamedTuple):
    """Something wrong with the settings, and the variable to change. An error keeps paid tiers from being used."""

    level: Literal["error", "warning"]
    variable: str
    text: str


def variable(tier: str, name: str) -> str:
    """The environment variable of a tier's setting."""
    return f"{PREFIX}TIERS__{tier.upper()}__{name}"


def paid_tiers(settings: Settings) -> dict[Tier, PaidTier]:
    """The paid tiers in force, cheapest first; none under the policy `offline`.

    Raises `UsageError`, naming the variable, when one cannot be used as it is set, and when the policy
    `best` has none.
    """
    if settings.policy == "offline":
        return {}
    if error := next((p for p in problems(settings) if p.level == "error"), None):
        raise UsageError(f"{error.variable}: {error.text}")
    return _configured(settings)


def prices(settings: Settings) -> Prices:
    """The price table with the prices that are set."""
    return Prices({tier: paid.price for tier, paid in _configured(settings).items() if paid.price})


def redaction(settings: Settings) -> Redaction | None:
    """What keeps personal data from the tiers that are set; None when none is. Loads Presidio, which takes seconds."""
    if not settings.redact or settings.policy == "offline":
        return None
    from agents.personal import finder
    from agents.placeholders import Redaction

    return Redaction(frozenset(settings.redact), finder())


def secrets_of(settings: Settings) -> list[str]:
    """Every secret in the settings, for the filter that keeps them out of what is printed."""
    keys = [settings.openai_api_key, settings.api_token, *(found.api_key for _, found in _given(settings))]
    for server in settings.mcp.servers.values():
        keys += [server.token, *server.env.values()]
    url, signing = urlsplit(settings.database_url), settings.webhook_secret
    found = [key.get_secret_value() for key in keys if key] + ([url.password] if url.password else [])
    if signing:
        found += [signing.get_secret_value(), signing.get_secret_value().removeprefix("whsec_")]
    return found


def problems(settings: Settings) -> list[Problem]:
    """What is wrong or contradictory, errors first. Nobody is called."""
    found = [problem for tier, given in _given(settings) for problem in _of_tier(tier, given, settings)]
    tiers = _configured(settings)
    policy, key = f"{PREFIX}POLICY", "OPENAI_API_KEY"
    ways = f"set {key}, or {variable('frontier', 'MODEL')} and its __BASE_URL and __API_KEY"
    if settings.policy == "best" and not tiers:
        found.append(Problem("error", policy, f"best needs a paid tier, and there is none; {ways}, or use balanced"))
    elif settings.policy in ("balanced", "cheapest") and not tiers:
        text = f"{settings.policy} has no paid tier to choose from: the built-in model does everything; {ways}"
        found.append(Problem("warning", policy, text))
    if settings.policy == "offline" and (settings.openai_api_key or list(_given(settings))):
        found.append(Problem("warning", policy, "offline: the tiers that are configured are never called"))
    wanted = settings.high_stakes_tier
    if wanted and tiers and wanted not in tiers:
        text = f"{wanted} is not configured; configure it or name one of: {', '.join(tiers)}"
        found.append(Problem("error", f"{PREFIX}HIGH_STAKES_TIER", text))
    found += _of_redaction(settings, tiers)
    if tiers and settings.budget_usd == 0:
        text = "a budget of 0 forbids every paid call: the built-in model does everything"
        found.append(Problem("warning", f"{PREFIX}BUDGET_USD", text))
    found += _of_prices(settings, tiers)
    return sorted(found, key=lambda problem: problem.level != "error")


def _given(settings: Settings) -> list[tuple[Tier, TierSettings]]:
    tiers = ((tier, getattr(settings.tiers, tier)) for tier in PAID)
    return [(tier, given) for tier, given in tiers if given is not None]


def _configured(settings: Settings) -> dict[Tier, PaidTier]:
    if settings.policy == "offline":
        return {}
    given = _given(settings)
    if not given and settings.openai_api_key:
        given = [(tier, TierSettings(model=model)) for tier, model in OPENAI_MODELS.items()]
    return {tier: _paid(tier, one, settings) for tier, one in given if one.model}


def _paid(tier: Tier, given: TierSettings, settings: Settings) -> PaidTier:
    own = None
    if given.input_price is not None and given.output_price is not None:
        own = OwnPrice(given.input_price, given.output_price, given.cached_price)
    return PaidTier(
        tier=tier,
        model=given.model,
        base_url=given.base_url or OPENAI_URL,
        api_key=_key(given, settings),
        price=own,
        max_concurrency=given.max_concurrency,
        timeout_s=given.timeout,
        redacted=tier in settings.redact,
    )


def _key(given: TierSettings, settings: Settings) -> SecretStr | None:
    """A tier's own key; OpenAI's goes to OpenAI alone."""
    if given.api_key and given.api_key.get_secret_value():
        return given.api_key
    ours = not given.base_url or urlsplit(given.base_url).hostname == urlsplit(OPENAI_URL).hostname
    return settings.openai_api_key if ours and settings.openai_api_key else None


def _of_tier(tier: Tier, given: TierSettings, settings: Settings) -> list[Problem]:
    found = []
    if not given.model:
        text = "is empty, but other settings of this tier are not; name the model as its server knows it"
        found.append(Problem("error", variable(tier, "MODEL"), text))
    if given.base_url:
        found += _of_url(tier, given.base_url)
    if (given.input_price is None) != (given.output_price is None):
        missing = "INPUT_PRICE" if given.input_price is None else "OUTPUT_PRICE"
        found.append(Problem("error", variable(tier, missing), "set it too: a price needs both, in USD per million"))
    elif given.cached_price is not None and given.input_price is None:
        found.append(Problem("error", variable(tier, "INPUT_PRICE"), "set it and __OUTPUT_PRICE beside __CACHED_PRICE"))
    if not _key(given, settings) and not _is_near(given.base_url or OPENAI_URL):
        found.append(Problem("error", variable(tier, "API_KEY"), "is not set, and the server is not on this machine"))
    return found


def _of_url(tier: Tier, base_url: str) -> list[Problem]:
    name = variable(tier, "BASE_URL")
    try:
        url = urlsplit(base_url)
        whole = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        whole = False
    if not whole:
        return [Problem("error", name, "is no URL; it looks like https://host/v1")]
    if url.username or url.password or url.query or url.fragment:
        return [Problem("error", name, "holds more than an address; a key belongs into __API_KEY")]
    found = []
    if url.scheme == "http" and not _is_near(base_url):
        found.append(Problem("warning", name, "is not encrypted, so tickets and key can be read on the way; use https"))
    if not url.path.strip("/"):
        found.append(Problem("warning", name, "has no path; most servers want one that ends in /v1"))
    return found


def _of_redaction(settings: Settings, tiers: dict[Tier, PaidTier]) -> list[Problem]:
    name, found = f"{PREFIX}REDACT", []
    if settings.redact and settings.policy != "offline" and importlib.util.find_spec("presidio_analyzer") is None:
        text = "personal data cannot be found without Presidio; install it (uv sync --extra pii), or set this to off"
        found.append(Problem("error", name, text))
    if settings.redacted not in ("off", "on") and (absent := [tier for tier in settings.redact if tier not in tiers]):
        found.append(Problem("warning", name, f"names {', '.join(absent)}, which is not configured"))
    return found


def _of_prices(settings: Settings, tiers: dict[Tier, PaidTier]) -> list[Problem]:
    table, found = prices(settings), []
    if "frontier" not in tiers and table.shown("frontier", settings.reference_model) is None:
        text = f'the price of "{settings.reference_model}" is unknown, and so is what all-frontier would cost'
        found.append(Problem("warning", f"{PREFIX}REFERENCE_MODEL", f"{text}; name another model"))
    rates: list[tuple[Tier, str, Decimal]] = []
    for tier, paid in tiers.items():
        price = table.shown(tier, paid.model)
        if price is None:
            text = f'the price of "{paid.model}" is unknown, and so is what it costs; set this and __OUTPUT_PRICE'
            found.append(Problem("warning", variable(tier, "INPUT_PRICE"), text))
        else:
            rates.append((tier, paid.model, price.input + price.output))
    for (low, model, rate), (high, other, more) in pairwise(rates):
        if rate > more:
            text = f"{low} ({model}) is dearer than {high} ({other}); exchange them"
            found.append(Problem("warning", variable(low, "MODEL"), text))
    return found


def _is_near(base_url: str) -> bool:
    host = (urlsplit(base_url).hostname or "") if "://" in base_url else ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
