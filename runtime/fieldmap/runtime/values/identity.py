"""The identity of a record as one text, the same for ever."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.failures import describe
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.texts import digits, keepable

BYTES = 2_000


def identity(values: Sequence[Any], path: str = "") -> str:
    """One value: its text. Several: a compact JSON list of their texts. Whole numbers count as their digits.

    FM2124 for a value that is absent, or neither text nor whole number, for a text that no database holds, and for more than
    2,000 bytes in all.
    """
    texts = [_text(value, path) for value in values]
    answer = texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    if not all(map(keepable, texts)):
        raise Failed("FM2124", "the identity holds a character that no database keeps", path)
    if len(answer.encode("utf-8")) > BYTES:
        raise Failed("FM2124", f"the identity is longer than {BYTES} bytes", path)
    return answer


def _text(value: Any, path: str) -> str:
    if type(value) is str:
        return value
    if value is None:
        raise Failed("FM2124", "the identity is absent", path)
    if type(value) is Decimal and value == value.to_integral_value():
        value = int(value)
    elif type(value) is Fraction and value.denominator == 1:
        value = value.numerator
    if type(value) is int:
        return digits(value)
    raise Failed("FM2124", f"the identity must be a text or a whole number, and it is {describe(value)}", path)


def unidentified(failure: Failed) -> Failed:
    """FM2124 for a failure met on the way to the identity."""
    if failure.code == "FM2124":
        return failure
    return Failed("FM2124", f"the identity cannot be read: {failure.reason}", failure.path)
