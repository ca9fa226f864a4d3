"""What maps claim, and whose numbers a reference holds."""

from __future__ import annotations

from fieldmap.compiler import ir


def claims_of(map_: ir.Map) -> list[ir.Claim]:
    """The claims of a map, its own first, then those of its `each` and `also` blocks in the order of their numbers."""

    def below(children: tuple[ir.Child, ...]) -> list[ir.Claim]:
        return [claim for child in children for claim in (child.claim, *below(child.children))]

    return ([map_.claim] if map_.claim is not None else []) + sorted(below(map_.children), key=lambda c: c.number)


def root_of(type_: ir.ReferenceType) -> str:
    """The entity whose numbers a reference holds: a key that is itself a reference leads on."""
    while isinstance(type_.key, ir.ReferenceType):
        type_ = type_.key
    return type_.entity
