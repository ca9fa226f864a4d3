"""Values of a record as JSON text for people, whatever they are: also those that no JSON can say."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from fieldmap.runtime.values.failures import Unreadable

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def json_text(value: Any) -> str:
    """The value as JSON; a part that could not be read as its reason, an unpaired surrogate as its escape."""
    try:
        return _ENCODER.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(value, default=_shown, ensure_ascii=True)


def _shown(value: Any) -> str:
    return f"({value.reason})" if isinstance(value, Unreadable) else str(value)
