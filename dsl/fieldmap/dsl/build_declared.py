"""Code lists, tables, the author's own functions and properties: from the parser's tree to the syntax tree."""

from __future__ import annotations

from lark import Token

from fieldmap.dsl import ast
from fieldmap.dsl.build_expression import expression, refuse_otherwise
from fieldmap.dsl.build_literal import numeral
from fieldmap.dsl.build_types import type_of
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branch,
    branches,
    entity_name,
    leaf,
    leaves,
    lower_name,
    plain,
    required_branch,
    required_leaf,
)
from fieldmap.dsl.diagnostics import Diagnostic, Label
from fieldmap.dsl.language import Branch

# -------------------------------------------------------------------------------------------------------------- codes


def codes(tree: Branch, ctx: Building) -> ast.Codes:
    source, arms = branch(tree, "codes_from"), branch(tree, "arms")
    lines = branches(arms) if arms is not None else []
    said = [line for line in lines if line.data == "columns_arm"]
    name = lower_name(required_leaf(tree, "NAME"), ctx, "a code list")
    if said and source is None:
        message = "`columns` names those of a CSV file, and this list names no file"
        help_ = f'write `codes {name.text} from "codes.csv" {{ … }}`, or the codes themselves'
        raise Broken(Diagnostic("FM0116", message, ctx.span(said[0]), help=help_))
    if len(said) > 1:
        first = Label(ctx.span(said[0]), "first here")
        raise Broken(Diagnostic("FM0205", "the columns are named twice", ctx.span(said[1]), labels=(first,)))
    doc = leaf(tree, "PLAIN")
    return ast.Codes(
        name=name,
        doc=plain(doc, ctx) if doc is not None else None,
        arms=tuple(ctx.each([line for line in lines if line.data != "columns_arm"], _arm)),
        source=plain(required_leaf(source), ctx) if source is not None else None,
        columns=_columns(said[0], ctx) if said else None,
        span=ctx.span(tree),
    )


def _columns(tree: Branch, ctx: Building) -> tuple[ast.Name, ast.Name]:
    first, second = (_header(token, ctx) for token in leaves(tree, "PLAIN", "NAME"))
    return first, second


def _header(token: Token, ctx: Building) -> ast.Name:
    if token.type == "PLAIN":
        return ast.Name(text=plain(token, ctx).value, span=ctx.span(token))
    return any_name(token, ctx)


def _arm(tree: Branch, ctx: Building) -> ast.CodeArm:
    arrow = leaf(tree, "ELSE_ARROW")
    if arrow is not None:
        refuse_otherwise(arrow, ctx)
    value = expression(required_branch(tree), ctx)
    if isinstance(value, ast.Absent):
        raise Broken(
            Diagnostic(
                "FM0113",
                "a code cannot mean `absent`",
                value.span,
                help='leave the code out with `absent when "…"` in the shape; a value of that name is written `absent` in backquotes',
            )
        )
    named = tuple(
        plain(token, ctx) if token.type == "PLAIN" else numeral(token, ctx) for token in leaves(tree, "PLAIN", "NUMBER")
    )
    return ast.CodeArm(codes=named, value=value, span=ctx.span(tree))


# ------------------------------------------------------------------------------------------------------------- tables


def table(tree: Branch, ctx: Building) -> ast.Table:
    texts = leaves(tree, "PLAIN")
    return ast.Table(
        name=lower_name(required_leaf(tree, "NAME"), ctx, "a table"),
        doc=plain(texts[0], ctx) if len(texts) > 1 else None,
        source=plain(texts[-1], ctx),
        columns=tuple(ctx.each(branches(required_branch(tree, "columns")), _column)),
        span=ctx.span(tree),
    )


def _column(tree: Branch, ctx: Building) -> ast.Column:
    header = branch(tree, "column_from")
    return ast.Column(
        name=lower_name(required_leaf(tree, "DECL"), ctx, "a column"),
        type=type_of(tree, ctx),
        optional=leaf(tree, "OPTIONAL") is not None,
        is_key=leaf(tree, "KEY") is not None,
        header=plain(required_leaf(header), ctx) if header is not None else None,
        span=ctx.span(tree),
    )


# ---------------------------------------------------------------------------------------------------------- functions


def let(tree: Branch, ctx: Building) -> ast.Let:
    name = lower_name(required_leaf(tree, "FIELD"), ctx, "the name of a let")
    return ast.Let(name=name, value=expression(required_branch(tree), ctx), span=ctx.span(tree))


def function(tree: Branch, ctx: Building) -> ast.Function:
    name = lower_name(required_leaf(tree, "NAME"), ctx, "a function")
    lines = branches(required_branch(tree, "fn_lines"))
    gives = [line for line in lines if line.data == "gives"]
    span = ctx.span(tree)
    if len(gives) > 1:
        raise Broken(
            Diagnostic(
                "FM0205",
                "a function gives one value",
                ctx.span(gives[1]),
                labels=(Label(ctx.span(gives[0]), "the first"),),
                help="choose with `if … then … else …`",
            )
        )
    if not gives:
        if ctx.mistaken(span):
            raise Broken(None)
        message = f"nothing says what {name.text} gives"
        raise Broken(Diagnostic("FM0116", message, name.span, help="add a line such as `gives words(first, last)`"))
    doc = leaf(tree, "PLAIN")
    return ast.Function(
        name=name,
        doc=plain(doc, ctx) if doc is not None else None,
        parameters=tuple(_parameter(part, ctx) for part in branches(required_branch(tree, "parameters"))),
        type=type_of(tree, ctx),
        optional=leaf(tree, "OPTIONAL") is not None,
        lets=tuple(ctx.each([line for line in lines if line.data == "let"], let)),
        gives=expression(required_branch(gives[0]), ctx),
        expectations=tuple(ctx.each([line for line in lines if line.data == "fn_expect"], _condition)),
        span=span,
    )


def _parameter(tree: Branch, ctx: Building) -> ast.Parameter:
    return ast.Parameter(
        name=lower_name(required_leaf(tree, "DECL"), ctx, "a parameter"),
        type=type_of(tree, ctx),
        optional=leaf(tree, "OPTIONAL") is not None,
        span=ctx.span(tree),
    )


def _condition(tree: Branch, ctx: Building) -> ast.Expr:
    return expression(required_branch(tree), ctx)


def property_(tree: Branch, ctx: Building) -> ast.Property:
    title = plain(required_leaf(tree, "PLAIN"), ctx)
    lines = branches(required_branch(tree, "property_lines"))
    if not lines:
        if ctx.mistaken(ctx.span(tree)):
            raise Broken(None)
        message = "this property says nothing"
        raise Broken(Diagnostic("FM0116", message, title.span, help="write what holds of each row: `commute >= 0 km`"))
    return ast.Property(
        title=title,
        entity=entity_name(required_leaf(tree, "NAME"), ctx),
        conditions=tuple(ctx.each(lines, _condition)),
        span=ctx.span(tree),
    )
