"""`pages …` of a resource: how the next page is found, as the vocabulary of fetch plans and the paths that it looks up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.records import records_of
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.runtime import plan

# The links of the two versions of OData, and where each tells how many records there are on all pages.
_ODATA: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "odata2": (("d", "__next"), ("d", "__count")),
    "odata4": (("@odata.nextLink",), ("@odata.count",)),
}
_SENT = {"cursor": "cursor", "offset": "offset", "number": "page", "keyset": "after"}


@dataclass(frozen=True)
class Found:
    """Stands in a plan for the function that the emitter writes from the path of this purpose."""

    purpose: str

    def __call__(self, body: Any) -> Any:
        raise AssertionError("a plan runs from its bundle, not from the compiler")


@dataclass
class LoweredPages:
    """finds: by purpose (next, rows, total, more, key) the path to look up."""

    pages: plan.Pages = field(default_factory=plan.NoPages)
    finds: dict[str, ir.Read] = field(default_factory=dict)


def lower_pages(node: ast.Resource, format_: str, report: Report, named: set[str]) -> LoweredPages:
    """named: what the request names of its place by itself. Of a resource that HTTP brings; what is wrong is reported, and left out."""
    done = LoweredPages()
    written = node.pages
    counted = written is not None and (written.kind in ("offset", "number", "keyset") or written.total is not None)
    # Whether a sweep is all there is, is also judged by how many records it has.
    if format_ == "json" and (counted or node.absence is not None or (written and written.kind in _ODATA)):
        done.finds["rows"] = _rows(node)
    if written is None or written.kind == "none":
        done.pages = plan.NoPages(ends=_ends(done))
        return done
    if format_ != "json" and written.kind != "link":
        report.error(
            "FM0408",
            f"the next page is looked up in a JSON body, and this is {format_}",
            written.span,
            help="leave the line out, or ask for JSON",
        )
        return done
    if not _looked_up(written, done, report):
        return done
    done.pages = _pages(written, _ends(done), named, report)
    return done


def _looked_up(written: ast.Pages, done: LoweredPages, report: Report) -> bool:
    """Notes the paths of a `pages` line; false after a diagnostic."""
    if written.kind in _ODATA:
        link, total = _ODATA[written.kind]
        done.finds["next"] = _members(link)
        done.finds["total"] = _members(total)
    named = (
        ("key" if written.kind == "keyset" else "next", written.at),
        ("total", written.total),
        ("more", written.more),
    )
    for purpose, path in named:
        if path is None:
            continue
        found = shapes.walk(path, None, Report())
        if found is None or found.many:
            report.error(
                "FM0403", "the next page is named by one value", path.span, help="write a path such as $.paging.next"
            )
            return False
        done.finds[purpose] = ir.Read(root="$", segments=found.segments, text=shapes.path_text(path))
    return True


def _pages(written: ast.Pages, ends: plan.Ends, named: set[str], report: Report) -> plan.Pages:
    sent_as: str | None = _SENT.get(written.kind, "")
    if written.sent_as is not None:
        sent_as = written.sent_as.value
    elif sent_as in named:
        sent_as = None
    sized: dict[str, Any] = {
        "sent_as": sent_as,
        "size": written.size,
        "size_sent_as": written.size_sent_as.value if written.size_sent_as is not None else None,
        "ends": ends,
    }
    match written.kind:
        case "cursor":
            return plan.CursorPages(next=Found("next"), **sized)
        case "offset":
            return plan.OffsetPages(first=written.first or 0, **sized)
        case "number":
            return plan.NumberPages(first=1 if written.first is None else written.first, **sized)
        case "keyset":
            return plan.KeysetPages(key=Found("key"), **sized)
    if written.size is not None:
        report.error(
            "FM0403",
            "a next link says by itself how many come at a time",
            written.span,
            help="ask for the size of the first page in query { }",
        )
    return (
        plan.LinkHeaderPages(ends=ends) if written.kind == "link" else plan.NextLinkPages(next=Found("next"), ends=ends)
    )


def _ends(done: LoweredPages) -> plan.Ends:
    rows, total, more = (Found(one) if one in done.finds else None for one in ("rows", "total", "more"))
    return plan.Ends(rows=rows, total=total, more=more)


def _rows(node: ast.Resource) -> ir.Read:
    """The path to a page's records before a filter takes any away: up to the first step that goes through several."""
    read = records_of(node)
    segments: list[ir.Segment] = []
    for segment in read.segments:
        segments.append(segment if isinstance(segment, ir.Member | ir.Index) else ir.All())
        if isinstance(segments[-1], ir.All):
            break
    return ir.Read(root="$", segments=tuple(segments), text=read.text)


def _members(names: tuple[str, ...]) -> ir.Read:
    text = "$" + "".join(f".{name}" if name.isidentifier() else f'["{name}"]' for name in names)
    return ir.Read(root="$", segments=tuple(ir.Member(name=name) for name in names), text=text)
