"""Functions that make a short name of a long text, the same for ever."""

from __future__ import annotations

import hashlib
from uuid import NAMESPACE_DNS, NAMESPACE_OID, NAMESPACE_URL, NAMESPACE_X500, UUID, uuid5

from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.outcome import Failed

_NAMESPACES = {"dns": NAMESPACE_DNS, "url": NAMESPACE_URL, "oid": NAMESPACE_OID, "x500": NAMESPACE_X500}


def _checked(text: str, path: str) -> str:
    """FM2113 for half of a surrogate pair, which no encoding has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Failed("FM2113", f"{quote(text)} holds half of a surrogate pair, which is no character", path) from None
    return text


def sha256(path: str, text: str) -> str:
    """FM2113."""
    return hashlib.sha256(_checked(text, path).encode()).hexdigest()


def named_uuid(path: str, namespace: str, name: str) -> str:
    """FM2113."""
    return str(uuid5(_NAMESPACES.get(namespace) or UUID(namespace), _checked(name, path)))
