"""The rules of a merge, its groups, and the conditions of an entity's rows: from the parser's tree to the syntax tree."""

from __future__ import annotations

from fieldmap.dsl import ast
from fieldmap.dsl.build_expression import expression
from fieldmap.dsl.build_literal import number
from fieldmap.dsl.building import (
    Broken,
    Building,
    any_name,
    branch,
    branches,
    leaf,
    lower_name,
    plain,
    required_branch,
    required_leaf,
)
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Branch

_HOURS = {"hour": 1, "hours": 1, "h": 1, "day": 24, "days": 24, "week": 168, "weeks": 168}
_LONGEST_HOURS = 100 * 366 * 24


def sources(tree: Branch, ctx: Building) -> tuple[ast.SourceName, ...]:
    return tuple(_source(part, ctx) for part in branches(tree, "source"))


def _source(tree: Branch, ctx: Building) -> ast.SourceName:
    resource = leaf(tree, "DOT_NAME")
    return ast.SourceName(
        connector=lower_name(required_leaf(tree, "NAME"), ctx, "a source"),
        resource=any_name(resource, ctx) if resource is not None else None,
        span=ctx.span(tree),
    )


def merge_field(tree: Branch, ctx: Building) -> ast.MergeField:
    name = leaf(tree, "NAME")
    return ast.MergeField(
        field=lower_name(name, ctx, "a field") if name is not None else None,
        rule=_rule(required_branch(tree), ctx),
        null_wins=leaf(tree, "NULL_WINS") is not None,
        span=ctx.span(tree),
    )


def together(tree: Branch, ctx: Building) -> ast.Together:
    rule = next((part for part in branches(tree) if part.data not in ("name", "needs")), None)
    needs = branch(tree, "needs")
    return ast.Together(
        fields=_fields(tree, ctx),
        rule=_rule(rule, ctx) if rule is not None else None,
        needs=_fields(needs, ctx) if needs is not None else (),
        null_wins=leaf(tree, "NULL_WINS") is not None,
        span=ctx.span(tree),
    )


def _fields(tree: Branch, ctx: Building) -> tuple[ast.Name, ...]:
    return tuple(lower_name(required_leaf(part), ctx, "a field") for part in branches(tree, "name"))


def duplicates(tree: Branch, ctx: Building) -> ast.Duplicates:
    return ast.Duplicates(span=ctx.span(tree))


def condition(tree: Branch, ctx: Building) -> ast.RowCondition:
    message = leaf(tree, "PLAIN")
    return ast.RowCondition(
        kind="must" if leaf(tree, "MUST") is not None else "warn",
        condition=expression(required_branch(tree), ctx),
        message=plain(message, ctx) if message is not None else None,
        span=ctx.span(tree),
    )


def _rule(tree: Branch, ctx: Building) -> ast.Rule:
    span, word = ctx.span(tree), str(tree.data)
    match word:
        case "prefer":
            age = branch(tree, "duration")
            return ast.Rule(
                kind="prefer",
                sources=sources(tree, ctx),
                then_any=leaf(tree, "THEN_ANY") is not None,
                within=_age(age, ctx) if age is not None else None,
                span=span,
            )
        case "only":
            return ast.Rule(kind="only", sources=sources(tree, ctx), span=span)
        case "agreeing":
            tolerance = branch(tree, "number")
            return ast.Rule(
                kind="agree", tolerance=number(tolerance, ctx) if tolerance is not None else None, span=span
            )
        case "newest" | "oldest" | "min" | "max" | "longest" | "union":
            return ast.Rule(kind=word, span=span)
        case _:
            return ast.Rule(kind="most common", span=span)


def _age(tree: Branch, ctx: Building) -> ast.Age:
    """`90 days`: whole hours, since a claim's age is judged by instants."""
    written, unit, span = required_leaf(tree, "NUMBER"), required_leaf(tree, "NAME"), ctx.span(tree)
    if str(unit) not in _HOURS:
        raise Broken(
            Diagnostic(
                "FM0110",
                f"`{unit}` is not a unit of time",
                ctx.span(unit),
                help="the units of time are `hours`, `days`, `weeks`",
            )
        )
    hours = int(written) * _HOURS[str(unit)] if written.isdecimal() and len(written) <= 9 else 0
    if not 0 < hours <= _LONGEST_HOURS:
        raise Broken(
            Diagnostic(
                "FM0110", "an age is a whole number of hours, days or weeks, up to a hundred years", ctx.span(written)
            )
        )
    return ast.Age(hours=hours, span=span)
