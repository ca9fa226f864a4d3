"""What is asked of an HTTP source, and what its answers mean: `post`, `body`, `on`."""

from __future__ import annotations

from typing import Literal, cast

from fieldmap.dsl import ast
from fieldmap.dsl.build_expression import expression
from fieldmap.dsl.build_types import member_name
from fieldmap.dsl.building import (
    Building,
    any_name,
    branch,
    branches,
    leaf,
    leaves,
    lower_name,
    plain,
    required_branch,
    required_leaf,
)
from fieldmap.dsl.language import Branch

_Value = ast.Expr | ast.BodyNull | ast.BodyList | ast.BodyObject


def post(tree: Branch, ctx: Building) -> ast.Post:
    once = leaf(tree, "ONCE") is not None
    return ast.Post(path=expression(required_branch(tree), ctx), once=once, span=ctx.span(tree))


def parent(tree: Branch, ctx: Building) -> ast.Parent:
    resource, alias = leaves(tree, "NAME")
    return ast.Parent(
        resource=any_name(resource, ctx),
        alias=lower_name(alias, ctx, "the name of a parent's record"),
        span=ctx.span(resource).to(ctx.span(alias)),
    )


def body(tree: Branch, ctx: Building) -> ast.Body:
    below, span = required_branch(tree), ctx.span(tree)
    match str(below.data):
        case "body_json":
            return ast.Body(kind="json", json=_object(required_branch(below), ctx), span=span)
        case "body_form":
            fields = ctx.each(branches(required_branch(below, "pairs")), _field)
            return ast.Body(kind="form", fields=tuple(fields), span=span)
        case _:
            kind = cast(Literal["text", "xml"], str(below.data).removeprefix("body_"))
            lines = branches(branch(below, "body_lines") or below)
            return ast.Body(kind=kind, lines=tuple(ctx.each(lines, expression)), span=span)


def rule(tree: Branch, ctx: Building) -> ast.AnswerRule:
    """`on 409 skip when $.code == "X"`"""
    condition, message = branch(tree), leaf(tree, "PLAIN")
    action = str(required_leaf(tree, "SKIP", "EMPTY", "FAIL", "RETRY"))
    return ast.AnswerRule(
        status=any_name(required_leaf(tree, "CAUSE"), ctx),
        action=cast(Literal["skip", "empty", "fail", "retry"], action),
        condition=expression(condition, ctx) if condition is not None else None,
        message=plain(message, ctx) if message is not None else None,
        span=ctx.span(tree),
    )


def _field(tree: Branch, ctx: Building) -> ast.Setting:
    return ast.Setting(name=member_name(tree, ctx), value=expression(required_branch(tree), ctx), span=ctx.span(tree))


def _object(tree: Branch, ctx: Building) -> ast.BodyObject:
    return ast.BodyObject(members=tuple(ctx.each(branches(tree), _member)), span=ctx.span(tree))


def _member(tree: Branch, ctx: Building) -> ast.BodyMember:
    value = _value(required_branch(tree), ctx)
    return ast.BodyMember(name=member_name(tree, ctx), value=value, span=ctx.span(tree))


def _value(tree: Branch, ctx: Building) -> _Value:
    match str(tree.data):
        case "body_object":
            return _object(tree, ctx)
        case "body_list":
            return ast.BodyList(items=tuple(ctx.each(branches(tree), _value)), span=ctx.span(tree))
        case "body_null":
            return ast.BodyNull(span=ctx.span(tree))
        case _:
            return expression(tree, ctx)
