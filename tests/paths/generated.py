"""A path as the generated Python of a bundle takes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fieldmap.compiler import ir
from fieldmap.compiler.emit.queries import Queries
from fieldmap.runtime.values import query


def generated(segments: tuple[ir.Segment, ...]) -> Callable[[Any], list[Any]]:
    """The function from a document to its nodelist."""
    queries = Queries()
    name = queries.found(segments)
    names: dict[str, Any] = {key: value for key, value in vars(query).items() if re.match("[A-Za-z]", key)}
    exec("\n\n".join(["from __future__ import annotations", *queries.functions]), names)  # noqa: S102
    find = names[name]
    return lambda document: find(document, document)
