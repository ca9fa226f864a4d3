"""What a request proves itself with. Values are secrets throughout; messages name variables, never values."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Protocol

from fieldmap.runtime.acquire.held import Held
from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.acquire.sending import Exchange
from fieldmap.runtime.plan import (
    ApiKey,
    Auth,
    AwsSigV4,
    BasicAuth,
    BearerAuth,
    ClientCredentials,
    Composed,
    Hmac,
    JwtBearer,
    NoAuth,
    RefreshToken,
    SamlBearer,
)
from fieldmap.runtime.ports import Ports, Request, nothing
from fieldmap.runtime.secrets import Secret, references

# These say where and as what, not who: nobody has to look at them when a source refuses.
_NO_PROOF = ("auth token_url", "auth scope", "auth audience", "auth region", "auth service", "auth prefix")

Headers = tuple[tuple[str, Secret], ...]
Values = Mapping[str, Secret]


def settings(auth: Auth) -> dict[str, Composed]:
    """The settings of an auth by the name that the author knows them by, such as `auth client_id`."""
    values = ((field.name, getattr(auth, field.name)) for field in fields(auth))
    return {f"auth {name}": value for name, value in values if isinstance(value, Composed)}


def named(auth: Auth) -> str:
    """`secret.WORKDAY_CLIENT_ID and secret.WORKDAY_CLIENT_SECRET`: what to check when a source refuses."""
    names: dict[str, None] = {}
    for setting, composed in settings(auth).items():
        if setting not in _NO_PROOF:
            names.update(dict.fromkeys(references(composed)))
    return " and ".join(names)


class Credentials(Protocol):
    def headers(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Headers:
        """What to send with this request, beside its own headers. meanwhile: done before a token is asked or waited for. Raises SourceError
        if none can be had."""
        ...

    def renew(self) -> bool:
        """After a 401: whether the next request will carry something else."""
        ...


class Fixed:
    """Credentials that stay as they are."""

    def __init__(self, *headers: tuple[str, Secret]) -> None:
        self._headers = headers

    def headers(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Headers:
        return self._headers

    def renew(self) -> bool:
        return False


def credentials(
    auth: Auth,
    resolved: Mapping[str, str | Secret],
    exchange: Exchange,
    ports: Ports,
    redaction: Redaction,
    held: Held,
) -> Credentials:
    """resolved: the values of `settings(auth)`. held: the token that the connector's resources share."""
    values = {setting: value if isinstance(value, Secret) else Secret(value) for setting, value in resolved.items()}
    match auth:
        case NoAuth():
            return Fixed()
        case BasicAuth():
            return Fixed(("Authorization", basic(values["auth user"].reveal(), values["auth password"].reveal())))
        case BearerAuth():
            return Fixed(("Authorization", Secret(f"Bearer {values['auth token'].reveal()}")))
        case ApiKey(name=name, place=place):
            # One in the query is part of the address, which `Requests` puts together.
            return Fixed((name, values["auth key"])) if place == "header" else Fixed()
        case Hmac() | AwsSigV4():
            from fieldmap.runtime.acquire.signing import signer

            return signer(auth, values, ports.clock)
        case ClientCredentials() | RefreshToken() | JwtBearer() | SamlBearer():
            from fieldmap.runtime.acquire.tokens import token

            return token(auth, values, exchange, ports, redaction, named(auth), held)


def basic(user: str, password: str) -> Secret:
    return Secret("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
