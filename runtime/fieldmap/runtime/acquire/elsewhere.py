"""Files that a source keeps on another host, as storage with presigned links does: which host that may be, and how it is asked.

The link is the proof; nothing of the connector goes along with it. What it proves by stands in its query, and is neither kept nor shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.acquire.sending import Answer
from fieldmap.runtime.secrets import Secret

_NAME: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# A star stands for labels of a name in front of at least two that are said.
_HOST: Final = re.compile(rf"(?:\*(?:\.{_NAME}){{2,}}|{_NAME}(?:\.{_NAME})*)")
_NO_LINK: Final = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST_LINK: Final = 16 << 10
_PORTS: Final = {"http": 80, "https": 443}
# A shorter value of a link's query says how it is signed, and is no proof.
_SHORTEST_PROOF: Final = 16


@dataclass(frozen=True, slots=True)
class Origin:
    """host: of one name, or behind `*.` of all names below it."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    def holds(self, target: SplitResult) -> bool:
        host = (target.hostname or "").lower()
        port = target.port or _PORTS.get(target.scheme, 0)
        fits = (
            host.endswith(self.host[1:]) and len(host) >= len(self.host) if self.host[0] == "*" else host == self.host
        )
        return (target.scheme, port) == (self.scheme, self.port) and fits and target.username is None


def origin_of(text: str) -> Origin | None:
    """Of an address such as https://files.example.com or https://*.s3.amazonaws.com, None where it is another thing."""
    try:
        parts = urlsplit(text.strip().rstrip("/"))
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    named = parts.scheme in _PORTS and _HOST.fullmatch(host) is not None and parts.username is None and port != 0
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme]) if named and not any(parts[2:]) else None


def link_to(origin: Origin, link: Any) -> SplitResult | None:
    """The address of a link that leads to the origin, None for every other."""
    if not isinstance(link, str) or len(link) > _LONGEST_LINK or _NO_LINK.search(link):
        return None
    try:
        target = urlsplit(link)
        return target._replace(fragment="") if origin.holds(target) else None
    except ValueError:
        return None


def without_proof(answer: Answer, url: Secret) -> Answer:
    """The answer without what the link proves by: storage says the signature back where it refuses one."""
    query = parse_qsl(urlsplit(url.reveal()).query)
    proofs = Redaction(Secret(value) for _, value in query if len(value) >= _SHORTEST_PROOF)
    cleaned: Mapping[str, str] = {name: proofs.text(value) for name, value in answer.response.headers}
    return replace(
        answer,
        content=proofs.text(answer.content.decode("latin-1")).encode("latin-1"),
        response=replace(answer.response, headers=tuple(cleaned.items())),
    )
