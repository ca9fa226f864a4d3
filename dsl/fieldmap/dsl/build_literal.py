"""Literals: numbers, bare names and texts, from the parser's tree to `ast.Expr`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from lark import Token

from fieldmap.dsl import ast
from fieldmap.dsl.building import Broken, Building, any_name, leaf, lower_name, required_leaf, shortened, text_value
from fieldmap.dsl.diagnostics import Diagnostic, Edit
from fieldmap.dsl.language import Branch

LARGEST_EXPONENT = 300
LONGEST_NUMBER = 100


def number(tree: Branch, ctx: Building) -> ast.Number:
    """`12`, `-1.5`, `19.3 km`"""
    unit = leaf(tree, "UNIT")
    plain_number = numeral(required_leaf(tree, "NUMBER"), ctx)
    if unit is None:
        return plain_number
    return replace(plain_number, unit=any_name(unit, ctx), span=ctx.span(tree))


def numeral(token: Token, ctx: Building) -> ast.Number:
    """A number without a unit."""
    written = str(token)
    digits = written.lstrip("-").partition(".")[0].partition("e")[0].partition("E")[0]
    if len(digits) > 1 and digits.startswith("0"):
        raise Broken(
            Diagnostic(
                "FM0110",
                f"a number has no leading zero, and `{shortened(written)}` has",
                ctx.span(token),
                help="a code that begins with zeros is a text: put it in quotes",
                edit=Edit(ctx.span(token), f'"{written}"') if written.isdecimal() else None,
            )
        )
    exponent = written.lower().partition("e")[2].lstrip("+-")
    if len(written) > LONGEST_NUMBER or len(exponent) > 4 or int(exponent or 0) > LARGEST_EXPONENT:
        raise Broken(
            Diagnostic(
                "FM0110", f"`{shortened(written)}` is longer than any number that is kept exactly", ctx.span(token)
            )
        )
    return ast.Number(value=Decimal(written), span=ctx.span(token))


_FOREIGN_WORDS = {
    "TRUE": "true",
    "True": "true",
    "FALSE": "false",
    "False": "false",
    "NULL": "absent",
    "None": "absent",
    "Null": "absent",
}


def bare(tree: Branch, ctx: Building) -> ast.Bare:
    """An enum value, or the name given by `as`."""
    token = required_leaf(tree)
    if str(token) in _FOREIGN_WORDS:
        ours = _FOREIGN_WORDS[str(token)]
        raise Broken(
            Diagnostic(
                "FM0105",
                f"`{token}` is written `{ours}` here",
                ctx.span(token),
                help=f"write `{ours}`",
                edit=Edit(ctx.span(token), ours, safe=True),
            )
        )
    quoted = f'"{token}"'
    help_ = f"a text stands in quotes: {quoted}; a value of an enum that is written so, in backquotes"
    name = lower_name(token, ctx, "a value's name", help=help_, written=quoted)
    return ast.Bare(name=name.text, span=ctx.span(tree))


def text_literal(tree: Branch, ctx: Building) -> ast.Text:
    token = required_leaf(tree)
    return ast.Text(value=text_value(str(token), ctx.span(token)), span=ctx.span(token))
