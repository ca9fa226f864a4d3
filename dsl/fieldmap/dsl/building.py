"""What every part of the builder shares: spans, names, and a way to give up on one statement only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from lark import Token, Tree

from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic, Edit, Label
from fieldmap.dsl.language import Branch
from fieldmap.dsl.source import Source, Span
from fieldmap.dsl.texts import TextMistake, unescape

T = TypeVar("T")


class Broken(Exception):
    """A statement that reads but cannot stand: it is left out of the tree, and this is said of it (None: said already)."""

    def __init__(self, diagnostic: Diagnostic | None) -> None:
        super().__init__(diagnostic.message if diagnostic is not None else "")
        self.diagnostic = diagnostic


@dataclass(frozen=True, slots=True)
class Building:
    """One file being built: its source, and the mistakes met so far."""

    source: Source
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def span(self, part: Branch | Token) -> Span:
        if isinstance(part, Token):
            start, end = part.start_pos, part.end_pos
        else:
            start, end = part.meta.start_pos, part.meta.end_pos
        return Span(self.source.path, start or 0, end or 0)

    def text(self, span: Span) -> str:
        return self.source.text[span.start : span.end]

    def each(self, parts: Iterable[Branch], build: Callable[[Branch, Building], T]) -> Iterator[T]:
        """Builds what can be built; a part that cannot leaves its mistake behind."""
        for part in parts:
            try:
                yield build(part, self)
            except Broken as broken:
                if broken.diagnostic is not None:
                    self.diagnostics.append(broken.diagnostic)

    def mistaken(self, span: Span) -> bool:
        """Whether a mistake within the span is known already."""
        return any(span.start <= found.span.start < span.end for found in self.diagnostics)

    def maybe(self, part: Branch | None, build: Callable[[Branch, Building], T]) -> T | None:
        """Builds one part that may not be there."""
        return None if part is None else next(self.each([part], build), None)


def branches(tree: Branch, *rules: str) -> list[Branch]:
    """The children made by one of these rules (any rule when none is named)."""
    return [child for child in tree.children if isinstance(child, Tree) and (not rules or child.data in rules)]


def branch(tree: Branch, *rules: str) -> Branch | None:
    found = branches(tree, *rules)
    return found[0] if found else None


def leaves(tree: Branch, *terminals: str) -> list[Token]:
    return [child for child in tree.children if isinstance(child, Token) and (not terminals or child.type in terminals)]


def leaf(tree: Branch, *terminals: str) -> Token | None:
    found = leaves(tree, *terminals)
    return found[0] if found else None


def required_leaf(tree: Branch, *terminals: str) -> Token:
    found = leaf(tree, *terminals)
    if found is None:
        raise LookupError(f"{tree.data} without {terminals}")
    return found


def required_branch(tree: Branch, *rules: str) -> Branch:
    found = branch(tree, *rules)
    if found is None:
        raise LookupError(f"{tree.data} without {rules}")
    return found


def any_name(token: Token, ctx: Building) -> ast.Name:
    """A name as it stands, backquotes taken off; the dot before `.workers` is not part of it."""
    span = ctx.span(token)
    text = str(token)
    if text.startswith("."):
        return ast.Name(text=text[1:], span=Span(span.path, span.start + 1, span.end))
    return ast.Name(text=text.strip("`"), span=span)


def lower_name(token: Token, ctx: Building, what: str, *, help: str = "", written: str = "") -> ast.Name:
    """The name of anything but an entity. Backquotes allow an upper-case letter, and are what is advised where nothing else is.

    help, written: what to do instead, and the name as it is then written.
    """
    name = any_name(token, ctx)
    if name.text[:1].isupper() and not str(token).startswith("`"):
        raise Broken(
            Diagnostic(
                "FM0115",
                f"{what} begins with a lower-case letter, and `{name.text}` does not",
                name.span,
                help=help or "only entities begin with an upper-case letter; backquotes keep the name as it is",
                edit=Edit(name.span, written or f"`{name.text}`"),
            )
        )
    return name


def entity_name(token: Token, ctx: Building) -> ast.Name:
    name = any_name(token, ctx)
    if not name.text[:1].isupper():
        changed = name.text[:1].upper() + name.text[1:]
        raise Broken(
            Diagnostic(
                "FM0115",
                f"an entity begins with an upper-case letter, and `{name.text}` does not",
                name.span,
                help="write the name of the entity",
                edit=Edit(name.span, changed) if changed[:1].isupper() else None,
            )
        )
    return name


def plain(token: Token, ctx: Building) -> ast.Text:
    """The value of `'…'` or of a `"…"` that is no template."""
    return ast.Text(value=text_value(str(token), ctx.span(token)), span=ctx.span(token))


def text_value(written: str, span: Span) -> str:
    if written.startswith("'"):
        return written[1:-1]
    try:
        return unescape(written[1:-1])
    except TextMistake as mistake:
        raise Broken(escape_mistake(mistake, span.path, span.start + 1)) from mistake


def escape_mistake(mistake: TextMistake, path: str, offset: int) -> Diagnostic:
    span = Span(path, offset + mistake.start, offset + mistake.end)
    return Diagnostic(
        "FM0114",
        mistake.message,
        span,
        help='write \\\\ for a backslash; within "…" there are \\" \\\\ \\n \\t \\r \\/ and \\u with four digits'
        " (text in '…' has no escapes at all)",
        edit=Edit(Span(path, span.start, span.start + 1), "\\\\") if mistake.start < mistake.end else None,
    )


def unreleased(what: str, span: Span, instead: str = "") -> Diagnostic:
    """A part of the language that is named in its manual and not yet compiled."""
    return Diagnostic("FM0112", f"{what} is not part of this release yet", span, help=instead)


def whole_number(token: Token, ctx: Building, what: str) -> int:
    """A small count, such as the 12 of `decimal(12, 6)`."""
    if not token.isdecimal() or len(token) > 9:
        raise Broken(
            Diagnostic("FM0110", f"{what} is a whole number, and `{shortened(str(token))}` is not", ctx.span(token))
        )
    return int(token)


def shortened(text: str, width: int = 40) -> str:
    """At most so many characters of what the author wrote, for a message."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def once(parts: Iterable[Branch], what: str, ctx: Building, prefix: str = "") -> dict[str, Branch]:
    """The lines of a block that may stand once, by rule; a second one is a mistake and is left out. prefix: of the rules' names,
    which no author knows."""
    found: dict[str, Branch] = {}
    for part in parts:
        rule = str(part.data)
        if rule in found:
            ctx.diagnostics.append(
                declared_twice(
                    f"`{rule.removeprefix(prefix)}` in this {what}", first_word(part, ctx), first_word(found[rule], ctx)
                )
            )
        else:
            found[rule] = part
    return found


def first_word(part: Branch, ctx: Building) -> Span:
    span = ctx.span(part)
    word = ctx.text(span).split(maxsplit=1)[0]
    return Span(span.path, span.start, span.start + len(word))


def declared_twice(what: str, second: Span, first: Span) -> Diagnostic:
    return Diagnostic(
        "FM0205",
        f"{what} is declared twice",
        second,
        note="the second",
        labels=(Label(first, "the first"),),
        help="keep one of the two",
    )
