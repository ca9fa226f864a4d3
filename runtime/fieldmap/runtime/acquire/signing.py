"""Signatures over requests: HMAC as APIs of many makers have it, AWS Signature Version 4, and RS256 for JSON web tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from fieldmap.runtime.acquire.auth import Credentials, Headers, Values
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.plan import AwsSigV4, Hmac
from fieldmap.runtime.ports import Clock, Request, nothing
from fieldmap.runtime.secrets import Secret

# What a message to sign may name of the request, in braces.
PARTS: Final = ("method", "path", "query", "timestamp", "body", "body_sha256")
_PART: Final = re.compile(r"\{(\w+)\}")


def signer(auth: Hmac | AwsSigV4, values: Values, clock: Clock) -> Credentials:
    return _HmacSigner(auth, values, clock) if isinstance(auth, Hmac) else _AwsSigner(values, clock)


class _HmacSigner:
    def __init__(self, auth: Hmac, values: Values, clock: Clock) -> None:
        self._auth = auth
        self._values = values
        self._clock = clock

    def headers(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Headers:
        auth, values = self._auth, self._values
        address = urlsplit(request.url.reveal())
        body = request.body.reveal() if request.body is not None else ""
        # The signature is checked against the source's clock, so ours has to be right; nothing else depends on it.
        timestamp = str(int(self._clock.now().timestamp()))
        parts = {
            "method": request.method,
            "path": address.path or "/",
            "query": address.query,
            "timestamp": timestamp,
            "body": body,
            "body_sha256": hashlib.sha256(body.encode()).hexdigest(),
        }
        message = _PART.sub(lambda found: parts.get(found[1], found[0]), auth.message)
        digest = hmac.new(values["auth secret"].reveal().encode(), message.encode(), auth.algorithm).digest()
        text = digest.hex() if auth.encoding == "hex" else base64.b64encode(digest).decode()
        prefix = values["auth prefix"].reveal() if "auth prefix" in values else ""
        headers = [(auth.header, Secret(prefix + text))]
        if auth.timestamp_header is not None:
            headers.append((auth.timestamp_header, Secret(timestamp)))
        if auth.key_header is not None and "auth key_id" in values:
            headers.append((auth.key_header, values["auth key_id"]))
        return tuple(headers)

    def renew(self) -> bool:
        return False


class _AwsSigner:
    def __init__(self, values: Values, clock: Clock) -> None:
        self._values = values
        self._clock = clock

    def headers(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Headers:
        values = {name.removeprefix("auth "): value.reveal() for name, value in self._values.items()}
        now = f"{self._clock.now():%Y%m%dT%H%M%SZ}"
        signed = {"host": urlsplit(request.url.reveal()).netloc, "x-amz-date": now}
        if "session_token" in values:
            signed["x-amz-security-token"] = values["session_token"]
        body = request.body.reveal() if request.body is not None else ""
        canonical = canonical_request(request.method, request.url.reveal(), signed, body)
        scope = f"{now[:8]}/{values['region']}/{values['service']}/aws4_request"
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        signature = _aws_signature(values, now[:8], f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashed}")
        names = ";".join(sorted(signed))
        proof = (
            f"AWS4-HMAC-SHA256 Credential={values['access_key']}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        sent = [("X-Amz-Date", Secret(now)), ("Authorization", Secret(proof))]
        if "session_token" in values:
            sent.append(("X-Amz-Security-Token", Secret(values["session_token"])))
        return tuple(sent)

    def renew(self) -> bool:
        return False


def canonical_request(method: str, url: str, headers: dict[str, str], body: str) -> str:
    """The canonical request of AWS Signature Version 4; headers: names in lower case."""
    address = urlsplit(url)
    path = quote(address.path or "/", safe="/-_.~")
    pairs = sorted(
        (quote(unquote(name.replace("+", " ")), safe="-_.~"), quote(unquote(value.replace("+", " ")), safe="-_.~"))
        for name, _, value in (part.partition("=") for part in address.query.split("&") if part)
    )
    query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in sorted(headers))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return f"{method}\n{path}\n{query}\n{lines}\n{';'.join(sorted(headers))}\n{digest}"


def _aws_signature(values: dict[str, str], day: str, text: str) -> str:
    key = f"AWS4{values['secret_key']}".encode()
    for part in (day, values["region"], values["service"], "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def signed_jwt(claims: dict[str, Any], key: Secret, key_id: str | None) -> str:
    """A JSON web token signed with RS256. key: an RSA private key in PEM. Raises UsageError if it is none."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        # A line of the environment often has its breaks written as \\n.
        pem = key.reveal().replace("\\n", "\n").encode()
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise UsageError(
            "The private_key of auth oauth2 jwt_bearer is not an RSA key in PEM (-----BEGIN PRIVATE KEY-----);"
            " set the variable to the key itself, or its _FILE to a file with it"
        )
    head = {"alg": "RS256", "typ": "JWT"} | ({} if key_id is None else {"kid": key_id})
    text = f"{_url64(json.dumps(head).encode())}.{_url64(json.dumps(claims).encode())}"
    signature = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{_url64(signature)}"


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
