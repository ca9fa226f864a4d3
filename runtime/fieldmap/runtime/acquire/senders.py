"""Who pushes: whether a delivery proves to come from somebody who knows the secret. Everything is compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Final

from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.plan import ApiKey, BasicAuth, BearerAuth, Composed, NoAuth, PushConnector, Signed
from fieldmap.runtime.ports import Clock
from fieldmap.runtime.secrets import Secret, resolve_all

_MOST_SIGNATURES: Final = 10  # in one header: while a secret is exchanged a sender signs with both
_PIECE: Final = re.compile(r"(\{timestamp\}|\{body\})")
_TIME: Final = re.compile(r"[0-9]{1,12}")


class Sender:
    """The proof that a connector asks for. Raises UsageError if nothing is said, or a variable is missing."""

    def __init__(self, connector: PushConnector, environ: Mapping[str, str], clock: Clock) -> None:
        if connector.auth is None:
            raise UsageError(
                f"The connector {connector.name} does not say who may push; give it an auth, such as"
                f' auth hmac {{ secret secret.HOOK; header "X-Hub-Signature-256"; prefix "sha256=" }}, or auth none for all the world'
            )
        auth = connector.auth
        composed = {
            item.name: value for item in fields(auth) if isinstance(value := getattr(auth, item.name), Composed)
        }
        values = resolve_all(connector.name, composed, environ)
        self._values = {
            name: (value.reveal() if isinstance(value, Secret) else value).encode() for name, value in values.items()
        }
        self._auth = auth
        self._clock = clock

    @property
    def challenge(self) -> str:
        """What a 401 says in WWW-Authenticate; "" where no such scheme is asked for."""
        match self._auth:
            case BasicAuth():
                return 'Basic realm="fieldmap"'
            case BearerAuth():
                return "Bearer"
            case _:
                return ""

    def refusal(self, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> str:
        """Why a delivery is not believed, "" if it is. headers: names in lower case."""
        match self._auth:
            case NoAuth():
                return ""
            case BasicAuth():
                return self._basic(_only(headers, "authorization"))
            case BearerAuth():
                scheme, _, token = _only(headers, "authorization").partition(b" ")
                known = hmac.compare_digest(token.strip(), self._values["token"])
                return "" if known and scheme.lower() == b"bearer" else "the token is missing or wrong"
            case ApiKey(name=name):
                return (
                    ""
                    if hmac.compare_digest(_only(headers, name), self._values["key"])
                    else f"{name} is missing or wrong"
                )
            case Signed() as signed:
                return self._signature(signed, headers, body)

    def _basic(self, value: bytes) -> str:
        scheme, _, coded = value.partition(b" ")
        try:
            user, colon, password = base64.b64decode(coded.strip(), validate=True).partition(b":")
        except binascii.Error:
            user, colon, password = b"", b"", b""
        known = hmac.compare_digest(user, self._values["user"]) & hmac.compare_digest(
            password, self._values["password"]
        )
        return "" if known and colon and scheme.lower() == b"basic" else "user and password are missing or wrong"

    def _signature(self, signed: Signed, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> str:
        value = _only(headers, signed.header).decode("latin-1")
        pairs = [tuple(part.strip().partition("=")[::2]) for part in value.split(",")]
        stamp = ""
        if signed.timestamp_header is not None:
            stamp = _only(headers, signed.timestamp_header).decode("latin-1").strip()
        elif signed.timestamp_field is not None:
            stamp = next((text for name, text in pairs if name == signed.timestamp_field), "")
        if signed.signature_field is not None:
            given = [text for name, text in pairs if name == signed.signature_field][:_MOST_SIGNATURES]
        else:
            given = [value] if value else []
        given = [text.removeprefix(signed.prefix) for text in given if text.startswith(signed.prefix)]
        if not given:
            return f"{signed.header} has no signature"
        if (signed.timestamp_header or signed.timestamp_field) is not None:
            if _TIME.fullmatch(stamp) is None:
                return "the time of the signature is missing"
            if abs(self._clock.now().timestamp() - int(stamp)) > signed.tolerance_s:
                return f"the time of the signature is more than {signed.tolerance_s} s off"
        mac = hmac.new(self._values["secret"], digestmod=getattr(hashlib, signed.algorithm))
        for piece in _PIECE.split(signed.message):
            mac.update(body if piece == "{body}" else stamp.encode() if piece == "{timestamp}" else piece.encode())
        if signed.encoding == "hex":
            wanted, given = mac.hexdigest(), [text.lower() for text in given]
        else:
            wanted = base64.b64encode(mac.digest()).decode()
        known = [hmac.compare_digest(wanted.encode(), text.encode("utf-8", "replace")) for text in given]
        return "" if any(known) else "the signature is not that of this body"


def _only(headers: Sequence[tuple[bytes, bytes]], name: str) -> bytes:
    """The one value of a header; b"" if it is missing, or there twice, so that nobody else reads another one of them."""
    found = [value for key, value in headers if key == name.lower().encode()]
    return found[0] if len(found) == 1 else b""
