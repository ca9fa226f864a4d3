"""Units that a project declares, and lists of what its unit codes mean: from the parser's tree to `ast`."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from lark import Token

from fieldmap.dsl import ast
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branches,
    leaf,
    leaves,
    lower_name,
    plain,
    required_branch,
    required_leaf,
)
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Branch

LONGEST_SIZE = 60


def own_unit(tree: Branch, ctx: Building) -> ast.OwnUnit:
    """`unit crate = 24 each "A crate"`, `unit survey_ft = 1200/3937 m`"""
    numbers = [token for token in leaves(tree) if token.type == "NUMBER"]
    size = _size(numbers[0], ctx)
    if len(numbers) == 2:
        size /= _size(numbers[1], ctx)
    doc = leaf(tree, "PLAIN")
    return ast.OwnUnit(
        name=any_name(required_leaf(tree, "FIELD"), ctx),
        size=size,
        unit=any_name(required_leaf(tree, "UNIT"), ctx),
        doc=plain(doc, ctx) if doc is not None else None,
        span=ctx.span(tree),
    )


def _size(token: Token, ctx: Building) -> Fraction:
    if len(token) > LONGEST_SIZE or abs(Decimal(str(token)).adjusted()) > LONGEST_SIZE:
        raise Broken(
            Diagnostic(
                "FM0110", "this number is longer than the size of any unit", ctx.span(token), help="write fewer digits"
            )
        )
    size = Fraction(str(token))
    if size <= 0:
        raise Broken(
            Diagnostic(
                "FM0323",
                "the size of a unit is more than zero",
                ctx.span(token),
                help="write how many of the other unit it is: 24 each",
            )
        )
    return size


def unit_codes(tree: Branch, ctx: Building) -> ast.UnitCodes:
    """`codes plant_units units { "PC" -> each; else -> unece }`"""
    doc = leaf(tree, "PLAIN")
    return ast.UnitCodes(
        name=lower_name(required_leaf(tree, "NAME"), ctx, "a list of unit codes"),
        doc=plain(doc, ctx) if doc is not None else None,
        arms=tuple(ctx.each(branches(required_branch(tree, "unit_arms")), _arm)),
        span=ctx.span(tree),
    )


def _arm(tree: Branch, ctx: Building) -> ast.UnitArm:
    return ast.UnitArm(
        codes=tuple(plain(code, ctx) for code in leaves(tree, "PLAIN")),
        unit=any_name(required_leaf(tree, "UNIT"), ctx),
        span=ctx.span(tree),
    )
