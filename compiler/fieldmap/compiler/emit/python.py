"""Writing Python: lines with their indentation, names that no user chose, constants, and source that is safe whatever it quotes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

# What is known of a value before the code runs. "exact" is an int, Decimal or Fraction; "" is nothing known.
Kind = Literal[
    "text", "bool", "exact", "float", "date", "datetime", "time", "duration", "money", "quantity", "list", ""
]


@dataclass(frozen=True)
class Atom:
    """A value as code: a local name or a constant. maybe: it can be None. own: a local that may be assigned anew.

    element: the kind of the elements of a list. values: the only texts that it can be, if that is known."""

    code: str
    kind: Kind = ""
    maybe: bool = True
    own: bool = False
    element: Kind = ""
    values: frozenset[str] | None = None


@dataclass
class Body:
    """The lines of one function."""

    lines: list[str] = field(default_factory=list)
    depth: int = 1

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.line(head)
        before = len(self.lines)
        self.depth += 1
        yield
        if len(self.lines) == before:
            self.line("pass")
        self.depth -= 1


class Constants:
    """Constants of a module, each written once, under short names in the order of their first use."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, code: str) -> str:
        if code not in self._names:
            self._names[code] = f"C{len(self._names)}"
        return self._names[code]

    def lines(self) -> list[str]:
        return [f"{name} = {code}" for code, name in self._names.items()]


# The place of a value in code that is not whole yet. No source holds this character: `literal` writes ASCII, and braces are in any text.
HOLE = "\0"


def filled(code: str, *values: str) -> str:
    """The code with its holes filled in their order."""
    for value in values:
        code = code.replace(HOLE, value, 1)
    return code


def literal(text: str) -> str:
    """A text as source, in ASCII: the same on every Python, whatever it holds."""
    return ascii(text)


def comment(text: str) -> str:
    """A text as the end of a comment line: nothing in it can end the line, or make it look other than it is."""
    return "# " + "".join(" " if _unprintable(ord(character)) else character for character in text).strip()


def _unprintable(point: int) -> bool:
    return (
        point < 0x20
        or 0x7F <= point < 0xA0
        or 0xD800 <= point <= 0xDFFF
        or 0x2028 <= point <= 0x202E
        or 0x2066 <= point <= 0x2069
        or point in (0x061C, 0x200E, 0x200F, 0xFEFF)
    )


def number(text: str) -> str:
    """An exact number as source: an int, a Decimal, or a Fraction where no decimal says it."""
    fraction = Fraction(text)
    if fraction.denominator == 1 and "." not in text and len(text) < 300:
        return str(fraction.numerator)
    twos_and_fives = fraction.denominator
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
    if twos_and_fives != 1:
        return f"Fraction({str(fraction)!r})"
    if "/" not in text:
        return f"Decimal({text!r})"
    places = 0
    while (fraction * 10**places).denominator != 1:
        places += 1
    return f"Decimal({str(Decimal(f'{(fraction * 10**places).numerator}E-{places}'))!r})"


def tuple_of(items: list[str]) -> str:
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
