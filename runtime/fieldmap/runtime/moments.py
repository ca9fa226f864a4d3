"""How instants are shown to people: `2026-03-01 09:30:00Z`, always UTC. JSON has them as RFC 3339 does."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at: datetime) -> str:
    """An instant to the second, such as when something was fetched."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def exactly(at: datetime) -> str:
    """An instant with all its digits, such as the version of a record, where the difference may lie in the last of them."""
    return at.astimezone(UTC).isoformat(sep=" ").replace("+00:00", "Z")
