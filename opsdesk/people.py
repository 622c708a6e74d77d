"""Who has signed in, by what an identity provider says of them, and whether they may enter."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

EVERYBODY = "*"
"""In place of addresses and domains: whoever the provider knows."""


class Person(NamedTuple):
    """Somebody who has signed in."""

    id: str
    """By this what is theirs is kept: their address, else provider and subject; empty where there is neither."""

    email: str
    """Empty where the provider tells none, or says that it is not theirs for certain."""


def identified(claims: Mapping[str, Any]) -> Person:
    """Who it is, of the claims of an OpenID Connect ID token.

    An address that is not verified is anybody's to take, so it neither lets in nor tells people apart. Of a provider
    that does not say whether it is, it is taken as it stands.
    """
    verified = str(claims.get("email_verified", True)).lower() != "false"  # some send it as a string
    email = str(claims.get("email") or "") if verified else ""
    subject = str(claims.get("sub") or "")
    return Person(email or (f"{claims.get('iss', '')} {subject}" if subject else ""), email)


def refusal(person: Person, allowed: Collection[str]) -> str:
    """Why somebody may not enter, with what to do; empty when they may. `allowed` is `Settings.allowed_emails`."""
    if not person.id:
        return "Your account has neither an e-mail address nor a subject, so it cannot be told apart from others."
    address = person.email.lower()
    domain = address[address.rfind("@") :]
    if EVERYBODY in allowed or (address and not {address, domain}.isdisjoint(allowed)):
        return ""
    if not address:
        return "Your account has no verified e-mail address. Verify it with your provider, then sign in again."
    return f"{person.email} may not enter. Sign in with another account, or ask who runs Opsdesk to let you in."
