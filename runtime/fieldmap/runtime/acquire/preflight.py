"""Whether a connector has all that it needs from the environment, asked before anything is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from fieldmap.runtime.plan import Composed, Connector, PushConnector
from fieldmap.runtime.secrets import resolve_all


def check_settings(connector: Connector, environ: Mapping[str, str]) -> None:
    """Raises one UsageError that names every missing variable of the connector and what needs it."""
    if isinstance(connector, PushConnector):
        # Only `serve` asks who pushes.
        return
    resolve_all(connector.name, dict(_settings(connector, "")), environ)


def _settings(value: object, name: str) -> Iterator[tuple[str, Composed]]:
    """Every composed text within a plan, by the word that it was written under."""
    if isinstance(value, Composed):
        yield name, value
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            # A pair of name and text is a line of query or headers.
            pair = isinstance(item, tuple) and len(item) == 2
            yield from _settings(item[1] if pair else item, f"{name} {item[0]}" if pair else f"{name} {number + 1}")
    elif is_dataclass(value):
        for field in fields(value):
            yield from _settings(getattr(value, field.name), field.name)
