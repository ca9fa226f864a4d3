"""Equality of values of which nothing is known before they meet."""

from __future__ import annotations

from typing import Any

from fieldmap.runtime.values.outcome import Failed

DEPTH = 64


def same(left: Any, right: Any, path: str) -> bool:
    """Equal in kind and value: true is not 1. FM2101 for lists and objects nested deeper than 64 levels."""
    if type(left) is bool or type(right) is bool:
        return left is right
    if (type(left) is list or type(left) is dict) and type(left) is type(right):
        return _same_within(left, right, path, DEPTH)
    return bool(left == right)


def _same_within(left: Any, right: Any, path: str, depth: int) -> bool:
    if not depth:
        raise Failed("FM2101", f"json nested deeper than {DEPTH} levels cannot be compared", path)
    if len(left) != len(right):
        return False
    if type(left) is dict:
        if left.keys() != right.keys():
            return False
        pairs = [(left[name], right[name]) for name in left]
    else:
        pairs = list(zip(left, right, strict=True))
    for a, b in pairs:
        if (type(a) is list or type(a) is dict) and type(a) is type(b):
            if not _same_within(a, b, path, depth - 1):
                return False
        elif not same(a, b, path):
            return False
    return True
