"""OAuth2 tokens: fetched when needed, renewed shortly before they end and once after a 401, by one resource of a connector for all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import msgspec

from fieldmap.runtime.acquire.auth import Headers, Values, basic
from fieldmap.runtime.acquire.held import Held
from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.acquire.sending import Answer, Exchange
from fieldmap.runtime.errors import FieldmapError, SourceError
from fieldmap.runtime.plan import ClientCredentials, JwtBearer, RefreshToken, SamlBearer
from fieldmap.runtime.ports import Ports, Request, State, nothing
from fieldmap.runtime.secrets import Secret
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
_ASSERTION_LASTS: Final = 300  # seconds


def token(
    auth: ClientCredentials | RefreshToken | JwtBearer | SamlBearer,
    values: Values,
    exchange: Exchange,
    ports: Ports,
    redaction: Redaction,
    names: str,
    held: Held,
) -> Token:
    if isinstance(auth, RefreshToken):
        if ports.state is None:
            raise SourceError(
                f"{exchange.source} has auth oauth2 refresh_token, and here is no folder to keep a new token in;"
                " run it in a project: fieldmap sync"
            )
        return RefreshedToken(values, exchange, ports, redaction, names, held, ports.state)
    if isinstance(auth, JwtBearer):
        return JwtToken(values, exchange, ports, redaction, names, held)
    if isinstance(auth, SamlBearer):
        return SamlToken(values, exchange, ports, redaction, names, held)
    return Token(values, exchange, ports, redaction, names, held)


class Token:
    """Of OAuth2 client credentials, for one resource; the other grants differ in what they ask with. held: what the resources share.

    The client proves itself in the Authorization header (RFC 6749 section 2.3.1), and in the body where a server refuses that.
    """

    _repeatable = True

    def __init__(
        self, values: Values, exchange: Exchange, ports: Ports, redaction: Redaction, names: str, held: Held
    ) -> None:
        self._values = values
        self._exchange = exchange
        self._ports = ports
        self._redaction = redaction
        self._names = names
        self._held = held
        # What the last request carried, and what a source takes no more.
        self._sent: Secret | None = None
        self._refused_one: Secret | None = None

    def headers(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Headers:
        held = self._held
        with held.turn(self._exchange.waits, self._ports, meanwhile):
            token = held.token
            ended = held.until is not None and self._ports.clock.monotonic() >= held.until
            if token is None or token is self._refused_one or ended:
                meanwhile()
                with held.asking(self._ports):
                    token = held.token = self._fetch()
        if token is not self._sent:
            # Another resource may have asked for it, and the source may repeat it to this one.
            self._redaction.add(token)
            self._sent = token
        return (("Authorization", Secret(f"Bearer {token.reveal()}")),)

    def renew(self) -> bool:
        # Where another resource got a new one meanwhile, that is taken and none is asked for.
        self._refused_one = self._sent
        return True

    # ------------------------------------------------------------------------------------------------- the grant

    def _form(self) -> dict[str, str]:
        return {"grant_type": "client_credentials", **self._given("scope")}

    def _given(self, *settings: str) -> dict[str, str]:
        """Those of the settings that there are, as parameters of the same name."""
        return {name: self._values[f"auth {name}"].reveal() for name in settings if f"auth {name}" in self._values}

    # --------------------------------------------------------------------------------------------------- asking

    def _fetch(self) -> Secret:
        return self._take(self._granted(), self._ports.clock.monotonic())

    def _granted(self) -> dict[str, Any]:
        """The server's answer, with an access token in it."""
        answer = self._ask()
        if answer.status in (400, 401) and not self._held.in_body and _error(answer) in ("invalid_client", ""):
            self._held.in_body = True
            answer = self._ask()
            self._held.in_body = answer.status == 200
        if answer.status != 200:
            raise self._refused(answer)
        body = _object(answer)
        if not _is_token(body.get("access_token")):
            raise SourceError(f"{self._where} answered without an access token; check the connector's token_url")
        return body

    def _take(self, body: Mapping[str, Any], asked_at: float) -> Secret:
        secret = Secret(str(body["access_token"]))
        lasts = _seconds(body.get("expires_in"))
        self._held.until = None if lasts is None else asked_at + lasts - min(60.0, lasts / 10)
        return secret

    @property
    def _where(self) -> str:
        return f"{self._exchange.source}'s token address {self._redaction.address(self._values['auth token_url'])}"

    def _ask(self) -> Answer:
        form = self._form()
        given = self._given("client_id", "client_secret")
        proof: Headers = ()
        if "client_secret" in given and not self._held.in_body:
            proof = (("Authorization", basic(quote_plus(given["client_id"]), quote_plus(given["client_secret"]))),)
        else:
            form |= given
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
        return self._exchange.answered(request, self._where, safe=self._repeatable)

    def _refused(self, answer: Answer) -> SourceError:
        said = _error(answer)
        reason = f"answered {answer.status}{f', {said}' if said else ''}"
        if answer.status in (400, 401, 403):
            return SourceError(
                f"{self._where} refused the credentials ({reason}); check {self._names or 'the client'} and run again"
            )
        return SourceError(f"{self._where} {reason}; check the connector's token_url")


class JwtToken(Token):
    def _form(self) -> dict[str, str]:
        from fieldmap.runtime.acquire.signing import signed_jwt

        given = self._given("issuer", "subject", "audience", "key_id")
        now = int(self._ports.clock.now().timestamp())
        claims: dict[str, Any] = {
            "iss": given["issuer"],
            "aud": given.get("audience", self._values["auth token_url"].reveal()),
            "iat": now,
            "exp": now + _ASSERTION_LASTS,
            "jti": self._ports.random.hex(32),
        }
        if "subject" in given:
            claims["sub"] = given["subject"]
        scope = self._given("scope")
        # Where the scope is read from differs: Google wants it in the assertion, the RFC in the form.
        assertion = signed_jwt(claims | scope, self._values["auth private_key"], given.get("key_id"))
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion, **scope}


class SamlToken(Token):
    def _form(self) -> dict[str, str]:
        return {
            "grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer",
            **self._given("assertion", "company_id", "scope"),
        }


class _Kept(msgspec.Struct):
    """What is kept of a refresh token. seed: hash of the one that the environment gave, which a new consent replaces.

    asking: a request is under way that may have used the token up. refused: the server takes it no more.
    """

    seed: str
    refresh_token: str
    access_token: str = ""
    until: float = 0.0
    number: int = 0
    asking: bool = False
    refused: bool = False


class RefreshedToken(Token):
    """OAuth2 with a refresh token that the server may rotate: a used one is worth nothing, and its successor exists once.

    One process at a time renews, by a lock on the state; the others take what it wrote. Before the token is used the state is
    written once, so that a place that cannot be written is known while nothing is lost; the new token is durable before the
    first request uses it. One that the server refuses is not tried again until the environment gives another. A request whose
    answer was lost is not repeated by itself: servers take a used token for a stolen one, and end the whole consent.
    """

    _repeatable = False

    def __init__(
        self,
        values: Values,
        exchange: Exchange,
        ports: Ports,
        redaction: Redaction,
        names: str,
        held: Held,
        state: State,
    ) -> None:
        super().__init__(values, exchange, ports, redaction, names, held)
        self._state = state
        initial = values["auth refresh_token"].reveal()
        self._seed = hashlib.sha256(initial.encode()).hexdigest()
        self._kept = _Kept(self._seed, initial)
        self._name = (
            f"token {exchange.source} {hashlib.sha256(values['auth client_id'].reveal().encode()).hexdigest()[:8]}"
        )

    def _form(self) -> dict[str, str]:
        return {"grant_type": "refresh_token", "refresh_token": self._kept.refresh_token, **self._given("scope")}

    def _fetch(self) -> Secret:
        try:
            with self._state.locked(self._name, self._ports.clock):
                return self._renewed()
        except OSError as error:
            raise SourceError(
                f"{self._exchange.source} cannot keep a new refresh token ({error.strerror or error}), so the one it has"
                " was not used; make room or give the project's folder .fieldmap write permission, and run again"
            ) from None

    def _renewed(self) -> Secret:
        kept = self._read()
        now = self._ports.clock.now().timestamp()
        if kept.access_token and kept.number > self._held.number and now < kept.until:
            # Another process renewed it, or an earlier run: what it got is still good, as far as the clock can tell.
            return self._hold(kept, kept.until - now)
        if kept.refused:
            raise SourceError(self._lost(used=False))
        before, kept.asking = kept.asking, True
        self._write(kept)
        asked_at = self._ports.clock.monotonic()
        try:
            body = self._granted()
        except FieldmapError as error:
            # Whether an answer that never came used it up nobody knows; one that came and refused says so.
            if isinstance(error, _InvalidGrantError):
                kept.refused, kept.asking = True, False
                self._write(kept)
                raise SourceError(self._lost(used=before)) from None
            raise
        rotated = body.get("refresh_token")
        lasts = _seconds(body.get("expires_in"))
        kept.refresh_token = str(rotated) if _is_token(rotated) else kept.refresh_token
        kept.access_token = str(body["access_token"])
        kept.until = now + (lasts - min(60.0, lasts / 10)) if lasts is not None else 0.0
        kept.number += 1
        kept.asking = False
        self._write(kept)
        self._redaction.add(Secret(kept.refresh_token))
        self._held.number = kept.number
        return self._take(body, asked_at)

    def _hold(self, kept: _Kept, lasts: float) -> Secret:
        self._held.number = kept.number
        self._held.until = self._ports.clock.monotonic() + lasts
        return Secret(kept.access_token)

    def _read(self) -> _Kept:
        data = self._state.read(self._name)
        if data is not None:
            try:
                found = msgspec.json.decode(data, type=_Kept)
            except msgspec.DecodeError:
                found = None
            if found is not None and found.seed == self._seed:
                self._kept = found
                self._redaction.add(Secret(found.refresh_token))
                return found
        self._kept = _Kept(self._seed, self._values["auth refresh_token"].reveal())
        return self._kept

    def _write(self, kept: _Kept) -> None:
        self._state.write(self._name, msgspec.json.encode(kept))

    def _refused(self, answer: Answer) -> SourceError:
        refusal = super()._refused(answer)
        return _InvalidGrantError(str(refusal)) if _error(answer) == "invalid_grant" else refusal

    def _lost(self, *, used: bool) -> str:
        why = ", probably because an earlier run was stopped before it had kept its successor" if used else ""
        return (
            f"{self._where} takes the refresh token no more (invalid_grant){why};"
            f" authorise again, set {self._names} to the new token, and run again"
        )


class _InvalidGrantError(SourceError):
    pass


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


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
