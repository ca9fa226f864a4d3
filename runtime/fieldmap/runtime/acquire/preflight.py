"""Whether a connector has all that it needs from the environment, asked before anything is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from fieldmap.runtime.plan import Composed, Connector, PushConnector, TextBody
from fieldmap.runtime.secrets import resolve_each


def check_settings(connector: Connector, environ: Mapping[str, str]) -> None:
    """Raises one UsageError that names every missing variable of the connector and what needs it."""
    if isinstance(connector, PushConnector):
        # Only `serve` asks who pushes.
        return
    resolve_each(connector.name, list(_settings(connector, "")), environ)


def _settings(value: object, name: str) -> Iterator[tuple[str, Composed]]:
    """Every composed text within a plan, by the word that it was written under."""
    if isinstance(value, Composed):
        yield name, value
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            # A pair of name and text is a line of query or headers.
            pair = isinstance(item, tuple) and len(item) == 2
            numbered = name if name == "body" else f"{name} {number + 1}"
            yield from _settings(item[1] if pair else item, f"{name} {item[0]}" if pair else numbered)
    elif is_dataclass(value):
        for field in fields(value):
            # A body of text is written line by line.
            yield from _settings(getattr(value, field.name), "body" if isinstance(value, TextBody) else field.name)
