"""Addresses and texts without what must not be stored or shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit, urlunsplit

from fieldmap.runtime.secrets import REDACTED, Secret

# A shorter one would tear holes into texts that have nothing to do with it.
_SHORTEST: Final = 4
_LONGEST: Final = 8000  # characters of an address


class Redaction:
    """Knows a connector's secrets and which values of a query its plan states openly; grows with every token."""

    def __init__(self, secrets: Iterable[Secret], stated: Iterable[tuple[str, str]] = ()) -> None:
        self._forms: list[str] = []
        self._stated = frozenset(stated)
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        value = secret.reveal()
        if len(value) >= _SHORTEST:
            import html

            coded = base64.b64encode(value.encode()).decode()
            forms = {value, quote(value), quote(value, safe=""), quote_plus(value), coded, coded.rstrip("=")}
            # As a page or an error in JSON repeats it.
            forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
            forms |= {html.escape(value), html.escape(value, quote=False)}
            # And where bytes are taken for a sign each, as in headers.
            forms |= {form.encode().decode("latin-1") for form in forms}
            # Longest first, so that no part of a form is left behind.
            self._forms = sorted({*self._forms, *forms}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with every known secret, in whatever usual coding, replaced."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, REDACTED)
        return text

    def address(self, url: Secret, plain: frozenset[tuple[str, str]] = frozenset()) -> str:
        """An address to store and show: the names of its query, and of the values only those that the plan states, or that are plain.

        User, password and fragment are left out.
        """
        parts = urlsplit(url.reveal())
        host = quote(parts.hostname or "", safe=":")
        host = f"[{host}]" if ":" in host else host
        netloc = host if parts.port is None else f"{host}:{parts.port}"
        known = self._stated | plain
        query = "&".join(
            f"{self.text(quote(name, safe=''))}={self.text(quote_plus(value)) if (name, value) in known else REDACTED}"
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        )
        path = self.text(quote(parts.path, safe="/%:@!$&'()*+,;=~-._"))
        return urlunsplit((parts.scheme, netloc, path, query, ""))[:_LONGEST]

    def identity(self, url: Secret) -> str:
        """An address to tell requests apart by, cursors included and secrets not. Never shown; only its hash is stored."""
        return self.text(url.reveal())
