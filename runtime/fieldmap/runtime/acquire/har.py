"""Responses out of a HAR recording, as browsers and proxies write it (HTTP Archive 1.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fieldmap.runtime.acquire.importer import check_json, check_size
from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.archive import Received
from fieldmap.runtime.archive.records import kept_headers
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.secrets import Secret
from fieldmap.runtime.values.decode import json_body
from fieldmap.runtime.values.outcome import Failed

# A recording holds bodies unpacked, so these would say something untrue.
_UNTRUE = frozenset(("content-encoding", "content-length"))


def recorded(path: Path, resource: str, sweep: str, ports: Ports) -> tuple[list[Received], dict[str, int]]:
    """The successful responses with a JSON body, in order, and how many others were passed over. Raises UsageError."""
    check_size(path)
    har = check_json(path.read_bytes(), path)
    log = har.get("log") if isinstance(har, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise UsageError(
            f"{path} is not a HAR recording: it has no log.entries; export it again, or name its format: --as"
        )
    received: list[Received] = []
    skipped: Counter[str] = Counter()
    for number, entry in enumerate(entries, 1):
        try:
            found = _response(entry)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UsageError(
                f"{path}: entry {number} of log.entries is malformed; export the recording again"
            ) from None
        if isinstance(found, str):
            skipped[found] += 1
            continue
        status, url, headers, body = found
        received.append(
            Received(
                resource=resource,
                url=url,
                fetched_at=_instant(entry.get("startedDateTime")) or ports.clock.now(),
                status=status,
                headers=headers,
                body=body,
                format="json",
                request=hashlib.sha256(f"HAR {url} ".encode() + body).hexdigest(),
                sweep=sweep,
                page=len(received) + 1,
            )
        )
    return received, dict(skipped)


def _response(entry: Any) -> tuple[int, str, dict[str, str], bytes] | str:
    """Status, address, headers and body; or why the entry is passed over. Raises for what HAR does not allow."""
    response, request = entry["response"], entry["request"]
    status = int(response["status"])
    if not 200 <= status <= 299:
        return "not successful"
    content = response["content"]
    text = content.get("text")
    if "json" not in str(content.get("mimeType", "")).lower() or not text:
        return "no JSON"
    try:
        body = base64.b64decode(text, validate=True) if content.get("encoding") == "base64" else text.encode()
    except (binascii.Error, UnicodeEncodeError):
        return "unreadable"
    if isinstance(json_body(body), Failed):
        return "unreadable"
    said = [(str(header["name"]), str(header["value"])) for header in response.get("headers", [])]
    headers = kept_headers((name, value) for name, value in said if name.lower() not in _UNTRUE)
    address = str(request["url"])
    if urlsplit(address).scheme not in ("http", "https"):
        return "not over HTTP"
    return status, Redaction([]).address(Secret(address)), headers, body


def _instant(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)
