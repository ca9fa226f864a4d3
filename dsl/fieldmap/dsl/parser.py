"""Reads a file: text in, syntax tree and mistakes out.

The steps: limits, the grammar, recovery if the grammar does not read the file, and the builder.
"""

from __future__ import annotations

from dataclasses import replace

from lark import Tree

from fieldmap.dsl import ast, build
from fieldmap.dsl.blocks import BLOCKS
from fieldmap.dsl.building import Building
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.language import Branch, Stuck, read
from fieldmap.dsl.limits import DEEPEST_EXPRESSION, MOST_MISTAKES, too_deep, too_large
from fieldmap.dsl.mistakes import explain
from fieldmap.dsl.recovery import Recovered, recover
from fieldmap.dsl.site import Site
from fieldmap.dsl.source import Source, Span
from fieldmap.dsl.spellings import never_written


def parse(source: Source) -> tuple[ast.File, list[Diagnostic]]:
    """The file's tree and every mistake in it, in the order of their places. Broken statements are left out of the tree."""
    refused = too_large(source)
    if refused is not None:
        return ast.File(items=(), span=Span(source.path, 0, len(source.text))), [refused]
    recovered = _read(source)
    ctx = Building(source, recovered.diagnostics)
    tree = build.file(_shallow(recovered.tree, ctx), ctx)
    for orphan in recovered.orphans:
        build.orphan(_shallow(orphan, ctx), ctx)
    known = {found.span.start for found in ctx.diagnostics}
    ctx.diagnostics.extend(one for one in never_written(source) if one.span.start not in known)
    return replace(tree, lost=tuple(recovered.lost)), _ordered(ctx.diagnostics, source)


def _read(source: Source) -> Recovered:
    text = source.text
    result = read(text, (0, len(text)))
    if not isinstance(result, Stuck):
        return Recovered(result.tree)
    recovered = recover(source)
    if not recovered.diagnostics:  # every line reads alone and the whole does not: say at least where it stopped
        site = Site(source, BLOCKS["file"], 0, len(text), result.offset, result.tokens, result.expected)
        recovered.diagnostics.append(explain(site))
    return recovered


def _shallow(tree: Branch, ctx: Building) -> Branch:
    """The statements that are not too deep to be walked; the others are reported."""
    kept = []
    for child in tree.children:
        deep = too_deep(child, DEEPEST_EXPRESSION, ctx.source.path) if isinstance(child, Tree) else None
        if deep is None:
            kept.append(child)
        else:
            ctx.diagnostics.append(deep)
    return Tree(tree.data, kept, tree.meta)


def _ordered(diagnostics: list[Diagnostic], source: Source) -> list[Diagnostic]:
    """By place, each once; a file with very many mistakes is answered up to a number that can be read."""
    found = sorted(dict.fromkeys(diagnostics), key=lambda diagnostic: (diagnostic.span, diagnostic.code))
    if len(found) < MOST_MISTAKES:
        return found
    end = Span(source.path, found[MOST_MISTAKES - 1].span.end, found[MOST_MISTAKES - 1].span.end)
    return [
        *found[:MOST_MISTAKES],
        Diagnostic("FM0111", f"more than {MOST_MISTAKES} mistakes; the rest is not read", end),
    ]
