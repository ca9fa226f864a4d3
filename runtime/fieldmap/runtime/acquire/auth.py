"""What a request proves itself with. Values are secrets throughout; messages name variables, never values."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode

from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.acquire.sending import Answer, Exchange
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import Auth, BasicAuth, BearerAuth, ClientCredentials, Composed, NoAuth
from fieldmap.runtime.ports import Clock, Request
from fieldmap.runtime.secrets import Secret, references
from fieldmap.runtime.values.decode import json_body

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")
_TOKEN_ERRORS: Final = frozenset(
    (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    )
)


def settings(auth: Auth) -> dict[str, Composed]:
    """The settings of an auth by the name that the author knows them by."""
    match auth:
        case NoAuth():
            return {}
        case BasicAuth():
            return {"auth user": auth.user, "auth password": auth.password}
        case BearerAuth():
            return {"auth token": auth.token}
        case ClientCredentials():
            found = {
                "auth token_url": auth.token_url,
                "auth client_id": auth.client_id,
                "auth client_secret": auth.client_secret,
            }
            return found if auth.scope is None else found | {"auth scope": auth.scope}


def named(auth: Auth) -> str:
    """`secret.WORKDAY_CLIENT_ID and secret.WORKDAY_CLIENT_SECRET`: what to check when a source refuses."""
    names: dict[str, None] = {}
    for setting, composed in settings(auth).items():
        if setting not in ("auth token_url", "auth scope"):
            names.update(dict.fromkeys(references(composed)))
    return " and ".join(names)


class Credentials(Protocol):
    def headers(self) -> tuple[tuple[str, Secret], ...]:
        """What to send with the next request. Raises SourceError if no token can be had."""
        ...

    def renew(self) -> bool:
        """After a 401: whether the next request will carry something else."""
        ...


class Fixed:
    """Credentials that stay as they are."""

    def __init__(self, *headers: tuple[str, Secret]) -> None:
        self._headers = headers

    def headers(self) -> tuple[tuple[str, Secret], ...]:
        return self._headers

    def renew(self) -> bool:
        return False


def credentials(
    auth: Auth, resolved: Mapping[str, str | Secret], exchange: Exchange, clock: Clock, redaction: Redaction
) -> Credentials:
    """resolved: the values of `settings(auth)`."""
    values = {setting: value if isinstance(value, Secret) else Secret(value) for setting, value in resolved.items()}
    match auth:
        case NoAuth():
            return Fixed()
        case BasicAuth():
            return Fixed(("Authorization", _basic(values["auth user"].reveal(), values["auth password"].reveal())))
        case BearerAuth():
            return Fixed(("Authorization", Secret(f"Bearer {values['auth token'].reveal()}")))
        case ClientCredentials():
            return Token(values, exchange, clock, redaction, named(auth))


def _basic(user: str, password: str) -> Secret:
    return Secret("Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


class Token:
    """OAuth2 client credentials: a token fetched when needed, renewed shortly before it ends and once after a 401.

    The client proves itself in the Authorization header (RFC 6749 section 2.3.1), and in the body where a server refuses that.
    """

    def __init__(
        self, values: Mapping[str, Secret], exchange: Exchange, clock: Clock, redaction: Redaction, names: str
    ) -> None:
        self._values = values
        self._exchange = exchange
        self._clock = clock
        self._redaction = redaction
        self._names = names
        self._in_body = False
        self._token: Secret | None = None
        self._until: float | None = None

    def headers(self) -> tuple[tuple[str, Secret], ...]:
        token = self._token
        if token is None or (self._until is not None and self._clock.monotonic() >= self._until):
            token = self._token = self._fetch()
        return (("Authorization", Secret(f"Bearer {token.reveal()}")),)

    def renew(self) -> bool:
        self._token = None
        return True

    def _fetch(self) -> Secret:
        asked_at = self._clock.monotonic()
        answer = self._ask()
        if answer.status in (400, 401) and not self._in_body and _error(answer) in ("invalid_client", ""):
            self._in_body = True
            answer = self._ask()
            self._in_body = answer.status == 200
        if answer.status != 200:
            raise SourceError(self._refusal(answer))
        body = _object(answer)
        token = body.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise SourceError(f"{self._where} answered without an access token; check the connector's token_url")
        secret = Secret(token)
        self._redaction.add(secret)
        lasts = _seconds(body.get("expires_in"))
        self._until = None if lasts is None else asked_at + lasts - min(60.0, lasts / 10)
        return secret

    @property
    def _where(self) -> str:
        return f"{self._exchange.source}'s token address {self._redaction.address(self._values['auth token_url'])}"

    def _ask(self) -> Answer:
        client, secret = self._values["auth client_id"].reveal(), self._values["auth client_secret"].reveal()
        form = {"grant_type": "client_credentials"}
        if "auth scope" in self._values:
            form["scope"] = self._values["auth scope"].reveal()
        proof: tuple[tuple[str, Secret], ...] = ()
        if self._in_body:
            form |= {"client_id": client, "client_secret": secret}
        else:
            proof = (("Authorization", _basic(quote_plus(client), quote_plus(secret))),)
        request = Request(
            method="POST",
            url=self._values["auth token_url"],
            headers=(
                ("Accept", "application/json"),
                ("Accept-Encoding", "gzip, identity"),
                ("Content-Type", "application/x-www-form-urlencoded"),
                *proof,
            ),
            body=Secret(urlencode(form)),
        )
        return self._exchange.answered(request, self._where)

    def _refusal(self, answer: Answer) -> str:
        said = _error(answer)
        reason = f"answered {answer.status}{f', {said}' if said else ''}"
        if answer.status in (400, 401, 403):
            return (
                f"{self._where} refused the credentials ({reason}); check {self._names or 'the client'} and run again"
            )
        return f"{self._where} {reason}; check the connector's token_url"


def _object(answer: Answer) -> dict[str, Any]:
    body = json_body(answer.content)
    return body if isinstance(body, dict) else {}


def _error(answer: Answer) -> str:
    """The error code of RFC 6749 that the server gave, "" for any other text: it may be anything."""
    said = _object(answer).get("error")
    return said if isinstance(said, str) and said in _TOKEN_ERRORS else ""


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    return float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) else None
