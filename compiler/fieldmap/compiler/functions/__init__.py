"""The standard functions, one file each: signature, reference meaning, examples, and what renders them at run time.

A new one: write its file beside these, name it below, and add its twin to `fieldmap.runtime.values.functions`.
"""

from __future__ import annotations

from fieldmap.compiler.functions import (
    count,
    distinct,
    first,
    join,
    last,
    left,
    length,
    lower,
    max,
    min,
    only,
    replace,
    right,
    split,
    sum,
    text,
    trim,
    upper,
    words,
)
from fieldmap.compiler.functions.signature import Example, Function, Parameter

__all__ = ["FUNCTIONS", "Example", "Function", "Parameter"]

_MODULES = (
    words,
    trim,
    lower,
    upper,
    replace,
    split,
    join,
    left,
    right,
    length,
    first,
    last,
    only,
    count,
    sum,
    min,
    max,
    distinct,
    text,
)

FUNCTIONS: dict[str, Function] = {module.FUNCTION.name: module.FUNCTION for module in _MODULES}
