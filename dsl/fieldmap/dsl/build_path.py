"""Paths: from the parser's tree to `ast.Path`, with the checks of RFC 9535 that no grammar makes.

Well-typed functions and comparisons, no literal alone, numbers without leading zeros and within what every JSON reader keeps
exactly, escapes. Whether the source has such members is for the compiler to say.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, cast

from lark import Token

from fieldmap.dsl import ast
from fieldmap.dsl.building import (
    Broken,
    Building,
    branch,
    branches,
    leaf,
    leaves,
    lower_name,
    plain,
    required_branch,
    required_leaf,
    shortened,
)
from fieldmap.dsl.diagnostics import Diagnostic, Edit
from fieldmap.dsl.language import Branch
from fieldmap.dsl.limits import MOST_STEPS
from fieldmap.dsl.source import Span

LARGEST_INDEX = 2**53 - 1
LARGEST_EXPONENT = 400
LONGEST_NUMBER = 100
VARIABLES = {
    "@page": "the body of the response",
    "@envelope": "the object that holds the record",
    "@fetched_at": "when the response was received",
    "@url": "the address that was asked",
    "@header": 'a header of the response, as in @header("Last-Modified")',
    "@parent": "the record of the parent resource",
    "@key": "the key of a message",
}
# What each function of RFC 9535 takes (values, nodes) and gives (a value, or true or false).
FUNCTIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "length": (("value",), "value"),
    "count": (("nodes",), "value"),
    "match": (("value", "value"), "logical"),
    "search": (("value", "value"), "logical"),
    "value": (("nodes",), "value"),
}
_EXAMPLES = {
    "length": "length(@.name) > 3",
    "count": "count(@.lines[*]) > 1",
    "match": 'match(@.code, "[A-Z]{3}")',
    "search": 'search(@.name, "GmbH")',
    "value": 'value(@..id) == "7"',
}


def path(tree: Branch, ctx: Building) -> ast.Path:
    """`$.a.b[0]`, `order.items[?@.open]`, `@page.total`, `@header("Link")`"""
    span = ctx.span(tree)
    header = branch(tree, "header")
    if header is not None:
        return _header(header, ctx)
    root = required_leaf(tree, "ROOT", "VARIABLE", "NAME", "UNIT")
    steps = segments(branches(tree), ctx)
    match root.type:
        case "ROOT":
            return ast.Path(root="$", segments=steps, span=span)
        case "VARIABLE":
            name = _variable(root, ctx)
            if name == "@header":
                raise _mistake(
                    "FM0120", "@header is followed by the header's name", ctx.span(root), 'write @header("Link")'
                )
            return ast.Path(root=name, segments=steps, span=span)
    return ast.Path(root=lower_name(root, ctx, "the name of an element").text, segments=steps, span=span)


def _variable(token: Token, ctx: Building) -> str:
    name = str(token)
    if name in VARIABLES:
        return name
    near = difflib.get_close_matches(name, VARIABLES, 1)
    help_ = f"did you mean {near[0]}?" if near else f"there are {', '.join(VARIABLES)}; the record itself is $"
    edit = Edit(ctx.span(token), near[0]) if near else None
    raise Broken(Diagnostic("FM0120", f"there is no {shortened(name)}", ctx.span(token), help=help_, edit=edit))


def _header(tree: Branch, ctx: Building) -> ast.Path:
    token = required_leaf(tree, "VARIABLE")
    if _variable(token, ctx) != "@header":
        raise _mistake("FM0120", f"{token} takes nothing in brackets", ctx.span(tree), f"write {token}")
    name = plain(required_leaf(tree, "PLAIN"), ctx)
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name.value):
        raise _mistake(
            "FM0120",
            f"no response has a header called {shortened(name.value)!r}",
            name.span,
            'write a name such as "Last-Modified"',
        )
    return ast.Path(root="@header", segments=(), header=name, span=ctx.span(tree))


def _mistake(code: str, message: str, span: Span, help: str = "", edit: Edit | None = None) -> Broken:
    return Broken(Diagnostic(code, message, span, help=help, edit=edit))


# ------------------------------------------------------------------------------------------------------------ segments


def segments(parts: Sequence[Branch], ctx: Building) -> tuple[ast.Segment, ...]:
    """The steps of a path, also of one behind a call."""
    if len(parts) > MOST_STEPS:
        message = f"this path has {len(parts):,} steps, and {MOST_STEPS} are read"
        raise _mistake("FM0111", message, ctx.span(parts[0]), "no document is so deep: name what is needed")
    return tuple(_segment(part, ctx) for part in parts)


def _segment(tree: Branch, ctx: Building) -> ast.Segment:
    span = ctx.span(tree)
    match str(tree.data):
        case "member_segment":
            return ast.MemberSegment(name=str(required_leaf(tree))[1:], span=span)
        case "quoted_segment":
            return ast.MemberSegment(name=text_within(required_leaf(tree), ctx), span=span)
        case "index_segment":
            return ast.IndexSegment(index=_whole(required_leaf(tree), ctx), span=span)
        case "wildcard_segment":
            return ast.WildcardSegment(span=span)
        case "descendant_member":
            name = required_leaf(tree)
            within = Span(span.path, span.start + 1, span.end)
            member = ast.MemberSegment(name=str(name)[2:], span=within)
            return ast.ChoiceSegment(selectors=(member,), descendant=True, span=span)
        case "descendant_any":
            return ast.ChoiceSegment(selectors=(ast.WildcardSegment(span=span),), descendant=True, span=span)
        case data:
            selectors = tuple(_selector(part, ctx) for part in branches(tree))
            return ast.ChoiceSegment(selectors=selectors, descendant=data == "descendant_choice", span=span)


def _selector(tree: Branch, ctx: Building) -> ast.Selector:
    span = ctx.span(tree)
    match str(tree.data):
        case "quoted":
            return ast.MemberSegment(name=text_within(required_leaf(tree), ctx), span=span)
        case "index":
            return ast.IndexSegment(index=_whole(required_leaf(tree), ctx), span=span)
        case "any":
            return ast.WildcardSegment(span=span)
        case "slice":
            bounds: list[int | None] = [None, None, None]
            place = 0
            for token in leaves(tree):
                if token.type == "COLON":
                    place += 1
                else:
                    bounds[place] = _whole(token, ctx)
            return ast.Slice(start=bounds[0], end=bounds[1], step=bounds[2], span=span)
        case _:
            return ast.Filter(condition=_condition(required_branch(tree), ctx), span=span)


def _whole(token: Token, ctx: Building) -> int:
    """An index or a bound of a slice: no leading zero, no minus nought, and exact in every reader of JSON."""
    written, span = str(token), ctx.span(token)
    digits = written.removeprefix("-")
    if written == "-0":
        raise _mistake("FM0121", "there is no element -0", span, "the first is [0], the last [-1]")
    if len(digits) > 1 and digits.startswith("0"):
        plain_ = written.replace(digits, digits.lstrip("0") or "0")
        help_ = f'the element is [{plain_}]; a member of that name is ["{written}"]'
        raise _mistake(
            "FM0121", f"the number of an element has no leading zero, and {shortened(written)} has", span, help_
        )
    if len(digits) > 16 or int(digits) > LARGEST_INDEX:
        raise _mistake(
            "FM0121",
            f"no list has as many elements as {shortened(written)} asks for",
            span,
            f"the largest number here is {LARGEST_INDEX}",
        )
    return int(written)


_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([\s\S]?))")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\"}


def text_within(token: Token, ctx: Building) -> str:
    """A name or text in either quotes, read as RFC 9535 says."""
    written, span = str(token), ctx.span(token)
    quote, inside = written[0], written[1:-1]

    def at(start: int, end: int) -> Span:
        return Span(span.path, span.start + 1 + start, span.start + 1 + end)

    for index, char in enumerate(inside):
        if char < " ":
            help_ = f"write \\u{ord(char):04x}"
            raise _mistake(
                "FM0122",
                "a control character stands in this text",
                at(index, index + 1),
                help_,
                Edit(at(index, index + 1), help_[6:]),
            )
    parts: list[str] = []
    done = 0
    high: re.Match[str] | None = None
    for match in _ESCAPE.finditer(inside):
        if high is not None and (match.start() != high.end() or not _is_low(match)):
            raise _half(at(high.start(), high.end()))
        parts.append(inside[done : match.start()])
        done = match.end()
        if match.group(1) is None:
            parts.append(_escaped(match, quote, at(match.start(), match.end())))
            continue
        code = int(match.group(1), 16)
        if 0xD800 <= code < 0xDC00:
            high = match
        elif high is not None:
            parts.append(chr(0x10000 + ((int(high.group(1), 16) - 0xD800) << 10) + code - 0xDC00))
            high = None
        elif 0xDC00 <= code < 0xE000:
            raise _half(at(match.start(), match.end()))
        else:
            parts.append(chr(code))
    if high is not None:
        raise _half(at(high.start(), high.end()))
    return "".join(parts) + inside[done:]


def _is_low(match: re.Match[str]) -> bool:
    return match.group(1) is not None and 0xDC00 <= int(match.group(1), 16) < 0xE000


def _half(span: Span) -> Broken:
    return _mistake(
        "FM0122",
        "half of a \\u pair stands alone",
        span,
        "a character beyond \\uffff is written as itself, or as two \\u that belong together",
    )


def _escaped(match: re.Match[str], quote: str, span: Span) -> str:
    char = match.group(2)
    if char == quote:
        return quote
    if char in _ESCAPED:
        return _ESCAPED[char]
    if char in ("'", '"'):
        raise _mistake(
            "FM0122",
            f"`\\{char}` has no meaning between {quote} and {quote}",
            span,
            "leave the backslash out",
            Edit(span, char, safe=True),
        )
    raise _mistake(
        "FM0122",
        f"`\\{char}` has no meaning in a path",
        span,
        f"write \\\\ for a backslash; there are \\b \\f \\n \\r \\t \\/ \\\\ \\{quote} and \\u with four digits",
        Edit(Span(span.path, span.start, span.start + 1), "\\\\"),
    )


# ------------------------------------------------------------------------------------------------------------- filters


def _condition(tree: Branch, ctx: Building) -> ast.Condition:
    """A condition; what stands alone must be one that answers with true or false, or a path."""
    span = ctx.span(tree)
    match str(tree.data):
        case "either" | "both" as data:
            operator: Literal["&&", "||"] = "||" if data == "either" else "&&"
            parts = tuple(_condition(part, ctx) for part in branches(tree))
            return ast.TestedLogic(operator=operator, parts=parts, span=span)
        case "nothing_of":
            inner = required_branch(tree)
            if str(inner.data) == "compared":
                raise _mistake(
                    "FM0123",
                    "`!` stands before a path, a function or brackets, not before a comparison",
                    span,
                    "put the comparison in brackets",
                    Edit(ctx.span(inner), f"({ctx.text(ctx.span(inner))})"),
                )
            return ast.TestedNot(value=_condition(inner, ctx), span=span)
        case "bracketed":
            return _condition(required_branch(tree), ctx)
        case "compared":
            left, right = (_compared(part, ctx) for part in branches(tree))
            operator_ = cast(Literal["==", "!=", "<", "<=", ">", ">="], str(required_leaf(tree, "COMPARE")))
            return ast.TestedComparison(operator=operator_, left=left, right=right, span=span)
    tested = _tested(required_branch(tree), ctx)
    match tested:
        case ast.TestedLiteral():
            raise _mistake(
                "FM0123",
                f"{shortened(ctx.text(span))} alone is no condition",
                span,
                f"compare something with it, as in @.kind == {shortened(ctx.text(span))}",
            )
        case ast.TestedCall(function=name) if FUNCTIONS[name][1] != "logical":
            raise _mistake(
                "FM0124",
                f"what {name}(…) gives has to be compared with something",
                span,
                f"write it as in {_EXAMPLES[name]}",
            )
    return tested


def _compared(tree: Branch, ctx: Building) -> ast.Tested:
    """One side of a comparison: it has one value at most."""
    tested = _tested(tree, ctx)
    match tested:
        case ast.TestedPath() if not tested.singular:
            written = shortened(ctx.text(tested.span))
            raise _mistake(
                "FM0123",
                f"{written} may find several values, and a comparison needs one",
                tested.span,
                f"name one with [0], count them with count({written}), or ask for any of them in a filter of its own",
            )
        case ast.TestedCall(function=name) if FUNCTIONS[name][1] == "logical":
            raise _mistake(
                "FM0124",
                f"{name}(…) is true or false by itself and is not compared",
                tested.span,
                f"write {name}(…), or !{name}(…)",
            )
    return tested


def _tested(tree: Branch, ctx: Building) -> ast.Tested:
    span = ctx.span(tree)
    match str(tree.data):
        case "tested_path":
            root: Literal["@", "$"] = "@" if leaf(tree, "CURRENT") is not None else "$"
            return ast.TestedPath(root=root, segments=segments(branches(tree), ctx), span=span)
        case "filter_text":
            return ast.TestedLiteral(value=text_within(required_leaf(tree), ctx), span=span)
        case "filter_number":
            return ast.TestedLiteral(value=_number(required_leaf(tree), ctx), span=span)
        case "filter_word":
            word = str(required_leaf(tree))
            return ast.TestedLiteral(value={"true": True, "false": False, "null": None}[word], span=span)
        case _:
            return _call(tree, ctx)


def _number(token: Token, ctx: Building) -> Decimal:
    written, span = str(token), ctx.span(token)
    whole = re.split(r"[.eE]", written.removeprefix("-"))[0]
    if len(whole) > 1 and whole.startswith("0"):
        raise _mistake(
            "FM0122",
            f"a number has no leading zero, and {shortened(written)} has",
            span,
            "a code that begins with zeros is a text: put it in quotes",
            Edit(span, f'"{written}"'),
        )
    exponent = re.search(r"[eE][+-]?([0-9]+)\Z", written)
    too_large = exponent is not None and (
        len(exponent.group(1).lstrip("0")) > 3 or int(exponent.group(1)) > LARGEST_EXPONENT
    )
    if len(written) > LONGEST_NUMBER or too_large:
        raise _mistake("FM0122", f"{shortened(written)} is longer than any number that is kept exactly", span)
    return Decimal(written)


def _call(tree: Branch, ctx: Building) -> ast.TestedCall:
    token = required_leaf(tree, "FILTER_FUNCTION")
    name, span = str(token), ctx.span(tree)
    if name not in FUNCTIONS:
        near = difflib.get_close_matches(name, FUNCTIONS, 1)
        help_ = f"did you mean {near[0]}?" if near else f"a filter has {', '.join(FUNCTIONS)}"
        edit = Edit(ctx.span(token), near[0]) if near else None
        raise _mistake("FM0124", f"a filter has no function {shortened(name)}", ctx.span(token), help_, edit)
    wanted, _ = FUNCTIONS[name]
    parts = branches(tree)
    if len(parts) != len(wanted):
        count = "one argument" if len(wanted) == 1 else f"{len(wanted)} arguments"
        raise _mistake(
            "FM0124",
            f"{name} takes {count}, and here {'is' if len(parts) == 1 else 'are'} {len(parts) or 'none'}",
            span,
            f"write it as in {_EXAMPLES[name]}",
        )
    arguments = tuple(_argument(part, kind, name, ctx) for part, kind in zip(parts, wanted, strict=True))
    return ast.TestedCall(function=name, arguments=arguments, span=span)


def _argument(tree: Branch, kind: str, function: str, ctx: Building) -> ast.Condition:
    span = ctx.span(tree)
    tested = _tested(required_branch(tree), ctx) if str(tree.data) == "tested_operand" else None
    match tested:
        case ast.TestedPath() if kind == "nodes" or tested.singular:
            return tested
        case ast.TestedLiteral() if kind == "value":
            return tested
        case ast.TestedCall(function=name) if kind == "value" and FUNCTIONS[name][1] == "value":
            return tested
        case ast.TestedPath():
            written = shortened(ctx.text(span))
            help_ = f"name one, or write value({written})"
            raise _mistake("FM0124", f"{written} may find several values, and {function} needs one", span, help_)
    needed = "a path" if kind == "nodes" else "a value: a text, a number, or a path that finds one"
    raise _mistake("FM0124", f"{function} needs {needed}", span, f"write it as in {_EXAMPLES[function]}")
