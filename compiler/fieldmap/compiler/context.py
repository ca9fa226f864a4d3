"""What the maps of a project share."""

from __future__ import annotations

from dataclasses import dataclass, field

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.odata import Services
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Authored
from fieldmap.compiler.symbols import Symbols


@dataclass
class MapContext:
    """What all the maps of a project share."""

    symbols: Symbols
    report: Report
    entities: dict[str, EntityInfo]
    codes: dict[str, ir.Table]
    services: Services = field(default_factory=Services)
    functions: dict[str, Authored] = field(default_factory=dict)
    shapes: dict[str, shapes.ObjectShape | None] = field(default_factory=dict)
