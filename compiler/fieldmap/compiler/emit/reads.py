"""Paths as Python: the common steps in line, the rest by calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldmap.compiler import ir
from fieldmap.compiler.emit import conversions
from fieldmap.compiler.emit.python import Atom, literal, tuple_of
from fieldmap.compiler.emit.queries import Queries
from fieldmap.compiler.interpret.paths import split

if TYPE_CHECKING:
    from fieldmap.compiler.emit.expressions import Emitter

# Longer paths are walked by a call.
IN_LINE = 8


def path_text(root: str, segments: Sequence[ir.Segment]) -> str:
    """The path as a reason shows it."""
    for segment in segments:
        match segment:
            case ir.Member():
                root += f".{segment.name}"
            case ir.Index():
                root += f"[{segment.index}]"
            case ir.All():
                root += "[*]"
            case ir.Choice():
                root += "..[…]" if segment.descendant else "[…]"
    return root


def steps(queries: Queries, root: str, segments: Sequence[ir.Segment], text: str) -> str:
    """The steps as `fieldmap.runtime.values.paths` takes them. text: the path to blame."""
    codes = []
    for end, segment in enumerate(segments, 1):
        if isinstance(segment, ir.Choice) and segment.descendant:
            # From here on all is as in the RFC, in one function.
            codes.append(queries.found(segments[end - 1 :]))
            break
        match segment:
            case ir.Member() if segment.required:
                codes.append(tuple_of([literal(segment.name), literal(path_text(root, segments[:end]))]))
            case ir.Member():
                codes.append(literal(segment.name))
            case ir.Index():
                codes.append(str(segment.index))
            case ir.All():
                codes.append("None")
            case ir.Choice():
                codes.append(queries.chosen(segment, text))
    return tuple_of(codes)


def state(emitter: Emitter, node: ir.Read) -> str:
    """Code for whether a path finds nothing, null, or something."""
    walked = emitter.constants.name(steps(emitter.queries, node.root, node.segments, node.text))
    return f"state({emitter.roots[node.root]}, {walked}, {literal(node.text)}, {emitter.dollar})"


def read(emitter: Emitter, node: ir.Read) -> Atom:
    before, rest = split(node.segments)
    found = walk(emitter, emitter.roots[node.root], node.root, before, node.text)
    if not rest:
        return _declared(emitter, found, node)
    result, item = emitter.new(), emitter.new()
    if found.maybe:
        emitter.body.line(f"{result} = None")
        with emitter.body.block(f"if {found.code} is not None:"):
            made = _all(emitter, node, found, rest, result, item)
    else:
        made = _all(emitter, node, found, rest, result, item)
    return Atom(result, "list", found.maybe, True, made.kind)


def _all(emitter: Emitter, node: ir.Read, found: Atom, rest: Sequence[ir.Segment], result: str, item: str) -> Atom:
    body = emitter.body
    body.line(f"{result} = []")
    then = rest[1:]
    iterated = elements(emitter, found.code, node, rest)
    if not takes_apart(rest):
        then = ()
    with body.block(f"for {item} in {iterated}:"):
        at = path_text(node.root, node.segments[: len(node.segments) - len(then)])
        element = walk(emitter, item, at, then, node.text) if then else Atom(item, own=True)
        made = _declared(emitter, element, node)
        if made.maybe:
            with body.block(f"if {made.code} is not None:"):
                body.line(f"{result}.append({made.code})")
        else:
            body.line(f"{result}.append({made.code})")
    return made


def takes_apart(rest: Sequence[ir.Segment]) -> bool:
    """Whether the steps behind the first of `rest` are taken in line for each of its elements."""
    first, then = rest[0], rest[1:]
    if isinstance(first, ir.Choice) and first.descendant:
        return False
    return len(then) <= IN_LINE and not any(isinstance(segment, ir.All | ir.Choice) for segment in then)


def elements(emitter: Emitter, found: str, node: ir.Read, rest: Sequence[ir.Segment]) -> str:
    """Code for what the steps from the first that may find several find: all of them, or only the first if the others are
    taken apart."""
    first, path, dollar = rest[0], literal(node.text), emitter.dollar
    if isinstance(first, ir.Choice) and first.descendant:
        return f"{emitter.queries.found(rest)}({found}, {dollar})"
    if not takes_apart(rest):
        walked = emitter.constants.name(steps(emitter.queries, node.root, rest, node.text))
        return f"find_all({found}, {walked}, {path}, {dollar})"
    if isinstance(first, ir.Choice):
        return f"{emitter.queries.chosen(first, node.text)}({found}, {dollar})"
    return f"{found} if type({found}) is list else every({found}, {path})"


def walk(emitter: Emitter, start: str, root: str, segments: Sequence[ir.Segment], text: str) -> Atom:
    """The one value that steps without All find from a local on."""
    if emitter.struct is not None and root in emitter.struct.roots:
        return emitter.struct.walk(emitter, segments, text)
    if not segments:
        return Atom(start, maybe=start not in emitter.present)
    body, path = emitter.body, literal(text)
    name = emitter.new()
    if len(segments) > IN_LINE:
        walked = emitter.constants.name(steps(emitter.queries, root, segments, text))
        body.line(f"{name} = find({start}, {walked}, {path})")
        return Atom(name, own=True)
    current, maybe, at = start, start not in emitter.present, root
    for segment in segments:
        known = current in emitter.objects
        if maybe and current == name:
            with body.block(f"if {name} is not None:"):
                at = _step(emitter, segment, current, name, known, at, path)
        elif maybe:
            body.line(f"{name} = None")
            with body.block(f"if {current} is not None:"):
                at = _step(emitter, segment, current, name, known, at, path)
        else:
            at = _step(emitter, segment, current, name, known, at, path)
        maybe = maybe or not (isinstance(segment, ir.Member) and segment.required)
        current = name
    return Atom(name, maybe=maybe, own=True)


def _step(emitter: Emitter, segment: ir.Segment, current: str, name: str, known: bool, at: str, path: str) -> str:
    body = emitter.body
    match segment:
        case ir.Member():
            at += f".{segment.name}"
            if not known:
                with body.block(f"if type({current}) is not dict:"):
                    body.line(f"raise no_object({current}, {literal(segment.name)}, {path})")
            body.line(f"{name} = {current}.get({literal(segment.name)})")
            if segment.required:
                with body.block(f"if {name} is None:"):
                    body.line(f"raise lacking({literal(at)}, {path})")
        case ir.Index():
            at += f"[{segment.index}]"
            body.line(f"{name} = element({current}, {segment.index}, {path})")
        case ir.All() | ir.Choice():
            raise ValueError("a path that finds one value has no step that finds several")
    return at


def _declared(emitter: Emitter, found: Atom, node: ir.Read) -> Atom:
    """The value as its shape says, None if it is a sentinel."""
    path = literal(node.text)
    found = _unread(emitter, found, node)
    if node.declared is None:
        value = found
    elif node.how is not None:
        value = conversions.by_format(emitter, found, node.declared, node.how, path)
    else:
        value = conversions.implicit(emitter, found, node.declared, path)
    if not node.sentinels:
        return value
    value = emitter.owned(value)
    tests = [_is_sentinel(emitter, value, sentinel, node.declared) for sentinel in node.sentinels]
    with emitter.body.block(f"if {' or '.join(tests)}:"):
        emitter.body.line(f"{value.code} = None")
    return Atom(value.code, value.kind, True, True, value.element)


def _unread(emitter: Emitter, found: Atom, node: ir.Read) -> Atom:
    """The value before it is read: a text without its attributes, None if it is spelt like a sentinel. FM2136 for a mark."""
    if not node.beside and not node.unread and not node.unchanged:
        return found
    value = emitter.owned(found)
    if node.beside:
        with emitter.body.block(f"if type({value.code}) is dict:"):
            emitter.body.line(f'{value.code} = {value.code}.get("#text")')
    if node.unchanged:
        path = literal(node.text)
        marks = [f"same({value.code}, {emitter.constant(mark).code}, {path})" for mark in node.unchanged]
        with emitter.body.block(f"if {value.code} is not None and ({' or '.join(marks)}):"):
            emitter.body.line(f'raise Failed("FM2136", UNCHANGED, {path})')
    if node.unread:
        spelt = tuple_of([literal(text) for text in node.unread])
        with emitter.body.block(f"if type({value.code}) is str and {value.code} in {spelt}:"):
            emitter.body.line(f"{value.code} = None")
    return Atom(value.code, "", True, True)


def _is_sentinel(emitter: Emitter, value: Atom, sentinel: ir.Constant, declared: ir.Type | None) -> str:
    constant = emitter.constant(sentinel)
    match sentinel:
        case ir.BoolConstant():
            return f"{value.code} is {constant.code}"
        case ir.NumberConstant() if isinstance(declared, ir.FloatType):
            return f"{value.code} == float({constant.code})"
        case ir.NumberConstant() if value.kind != "exact":
            # In a value of unknown kind, true is not 1.
            return f"(type({value.code}) is not bool and {value.code} == {constant.code})"
        case _:
            return f"{value.code} == {constant.code}"
