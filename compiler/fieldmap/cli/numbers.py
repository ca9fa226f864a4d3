"""Whole numbers of the command line, and arguments that are empty: what is wrong with one is told in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from fieldmap.runtime.errors import UsageError

# The largest number that the database has; a larger limit is none.
_LARGEST = 2**63 - 1


def whole(what: str, *, least: int = 0, most: int = _LARGEST, none: str = "", see: str = "") -> Callable[[str], int]:
    """Reads a whole number of the command line, as `parser` of an option or argument. what: how it is called in a sentence, such as
    --limit. none: what is said of a number that is too large for what is numbered; without it a number that the database does not have
    is taken for its largest. see: what shows the right ones. Raises UsageError."""
    among = f"from {least} to {most}" if most < _LARGEST else f"{least} or more"

    def read(text: str) -> int:
        # Defaults come as numbers already.
        shown = str(text)
        if not re.fullmatch(r"[0-9]+", shown) or len(shown) > 1_000:
            raise UsageError(f"{what} {shown[:40]}: write a whole number, {among}{see and f'; see: {see}'}")
        number = int(shown)
        if number > _LARGEST and none:
            raise UsageError(none.format(shown[:40]))
        if number < least or (number > most and most < _LARGEST):
            raise UsageError(f"{what} {shown[:40]}: write a whole number, {among}{see and f'; see: {see}'}")
        return min(number, _LARGEST)

    return read


def refuse_empty(arguments: Sequence[str]) -> None:
    """An argument that is empty would be taken for one that is not given, and all would be shown or done instead of one. Raises
    UsageError."""
    before = "fieldmap"
    for number, argument in enumerate(arguments):
        name, sign, value = argument.partition("=")
        if argument == "" or (sign and not value and re.fullmatch(r"--[a-z-]+", name)):
            where = name or before
            raise UsageError(
                f"What stands behind {where} is empty, as where a variable of the shell is not set; write a value, or leave"
                f" {'the option' if where.startswith('-') else 'it'} out"
            )
        before = argument if argument.startswith("-") or number == 0 else before
