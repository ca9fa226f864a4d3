"""Who asks: what a source may answer one account by means nothing to another.

Kept is a digest, made with a key that lies beside the archive and not in it: nobody who has the archive can try what somebody's password
was, and where the key is lost nothing is known of who asked.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Final

import msgspec

from fieldmap.runtime.acquire.requests import Requests
from fieldmap.runtime.ports import Ports

UNKNOWN: Final = "?"
_NAME: Final = "asker"
_LENGTH: Final = 64  # hexadecimal digits of the key


def asker(requests: Requests, ports: Ports) -> str:
    """Tells the credentials and headers that a connector asks with from all others; "" where it has none, UNKNOWN where nothing can be
    kept. Raises SourceError, OSError."""
    said = requests.said_of_asker()
    if not said:
        return ""
    if ports.state is None:
        return UNKNOWN
    made = hmac.new(_key(ports), msgspec.json.encode(said), "sha256")
    certificate = Path(requests.tls.certificate) if requests.tls is not None else None
    # One that is not there is told where it is needed.
    if certificate is not None and certificate.is_file():
        made.update(certificate.read_bytes())
    return made.hexdigest()[:32]


def _key(ports: Ports) -> bytes:
    state = ports.state
    assert state is not None  # noqa: S101  (whoever calls this has one)
    found = state.read(_NAME)
    if found is None or len(found) != _LENGTH:
        with state.locked(_NAME, ports.clock):
            found = state.read(_NAME)
            if found is None or len(found) != _LENGTH:
                found = ports.random.hex(_LENGTH).encode()
                state.write(_NAME, found)
    return found
