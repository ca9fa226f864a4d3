"""Units that the data names: a value with its unit code, brought to the unit of the field."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.numbers import Exact, Number, scale
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.texts import read_text
from fieldmap.runtime.values.ucum import Ucum

# How the clause of a code ends that no factor converts.
NO_SIZE = "which has no size of its own"


def scale_by_code(
    value: Number,
    code: Any,
    rows: Mapping[str, tuple[Exact, Exact]],
    others: str,
    system: str,
    wanted: str,
    path: str,
    ucum: Ucum | None = None,
) -> Number:
    """A value in the unit that its code names, in the unit of the field, exactly.

    rows: factor and offset to the unit of the field, by code. others: what the system's other codes are, a line
    `code<TAB>litre, a volume` each. ucum: reads expressions that are not in the table. FM2142 without a code; FM2140 unknown, FM2141 of another dimension, FM2143 without a size.
    """
    if code is None:
        raise Failed("FM2142", f"the unit of {quote(value)} is absent", path)
    row = rows.get(read_text(code, path))
    if row is None:
        factor = ucum.row(code) if ucum is not None and f"\n{code}\t" not in f"\n{others}" else None
        if isinstance(factor, Fraction):
            return scale(value, factor, 0, path)
        if factor is not None:
            number, what = ("FM2143", NO_SIZE) if factor == "size" else ("FM2141", "which measures something else")
            raise Failed(number, f"{quote(code)} is an expression of UCUM {what}; {wanted} is needed", path)
        raise _unfit(code, others, system, wanted, path)
    return scale(value, row[0], row[1], path)


def _unfit(code: str, others: str, system: str, wanted: str, path: str) -> Failed:
    for line in others.split("\n"):
        known, _, clause = line.partition("\t")
        if known == code:
            number = "FM2143" if clause.endswith(NO_SIZE) else "FM2141"
            return Failed(number, f"{quote(code)} is {clause}; {wanted} is needed", path)
    return Failed("FM2140", f"{quote(code)} is no unit code of {system}", path)
