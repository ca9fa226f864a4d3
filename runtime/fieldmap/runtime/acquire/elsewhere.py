"""Files that a source keeps on another host, as storage with presigned links does: which host that may be, and how it is asked.

The link is the proof; nothing of the connector goes along with it. What it proves by stands in its query, or in a long
part of its path, and is neither kept nor shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.secrets import REDACTED, Secret

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.sending import Answer

_NAME: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# A star stands for labels of a name in front of at least two that are said.
_HOST: Final = re.compile(rf"(?:\*(?:\.{_NAME}){{2,}}|{_NAME}(?:\.{_NAME})*)")
# Of a host that an answer names; buckets of old have underscores.
_ASKED: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_NO_LINK: Final = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST_LINK: Final = 16 << 10
_PORTS: Final = {"http": 80, "https": 443}
# A shorter value of a link's query says how it is signed, and is no proof.
_SHORTEST_PROOF: Final = 16
# Nobody names a folder or a file so long who is not hiding a token in it; a UUID has 36 signs.
_LONG_PART: Final = 40


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
        return (target.scheme, port) == (self.scheme, self.port) and fits and _is_plain(target)


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


def shown(url: Secret, redaction: Redaction) -> str:
    """The address of a link as it may be shown."""
    parts = urlsplit(url.reveal())
    path = "/".join(REDACTED if len(part) >= _LONG_PART else part for part in parts.path.split("/"))
    return redaction.address(Secret(parts._replace(path=path).geturl()))


def without_proof(answer: Answer, link: Any) -> Answer:
    """The answer without what the link proves by: storage says the signature back where it refuses one. link: as an answer had it."""
    if not isinstance(link, str):
        return answer
    try:
        parts = urlsplit(link)
    except ValueError:
        parts = urlsplit("")
    # As it was sent, and as it is meant.
    values = [part.partition("=")[2] for part in parts.query.split("&")] + [
        value for _, value in parse_qsl(parts.query)
    ]
    proofs = [value for value in values if len(value) >= _SHORTEST_PROOF]
    proofs += [form for part in parts.path.split("/") if len(part) >= _LONG_PART for form in (part, unquote(part))]
    known = Redaction(map(Secret, proofs))
    return replace(
        answer,
        content=known.text(answer.content.decode("latin-1")).encode("latin-1"),
        response=replace(
            answer.response, headers=tuple((name, known.text(value)) for name, value in answer.response.headers)
        ),
    )


def _is_plain(target: SplitResult) -> bool:
    return target.username is None and _ASKED.fullmatch(target.hostname or "") is not None
