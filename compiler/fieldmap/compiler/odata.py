"""`connector … is odata2` and `is odata4`: what the protocol and the service's metadata say of a resource, as plain lines.

A resource that `is` an entity set becomes one with an address, a record path, paging, an identity and a shape; what its author
wrote wins over each. What stands in the query depends on what the maps read, and is kept beside it (`Service`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from fieldmap.compiler import edm
from fieldmap.compiler.deltas import bounds_named, written_form
from fieldmap.compiler.edmshapes import RESULTS, Shaper, Wanted, inner, overlaid
from fieldmap.compiler.reference import DataFiles
from fieldmap.compiler.report import Report
from fieldmap.compiler.steps import Roots, paths_in, steps_of
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.source import Source, Span
from fieldmap.runtime import plan

KINDS = ("odata2", "odata4")
# Types of keys that are parts of a record's identity as they are.
_KNOWN_BY = {"Edm.String", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Byte", "Edm.SByte"}


# What stands round a moment in a filter.
_LITERALS = {
    ("odata2", "Edm.DateTime"): ("datetime'", "'"),
    ("odata2", "Edm.DateTimeOffset"): ("datetimeoffset'", "'"),
}


@dataclass(frozen=True)
class Asked:
    """What the protocol adds to the query of a resource. window: of $filter, beside the author's own. within: of plan.Ends.
    reads: the properties that are read, of the entities that a navigation leads to with its name before them; "*" for all."""

    query: tuple[tuple[str, str], ...]
    within: tuple[tuple[str, ...], ...]
    window: plan.Bounded | None
    delta: plan.Delta | None
    reads: tuple[str, ...] = ()

    def over(self, query: tuple[tuple[str, plan.Composed], ...]) -> tuple[tuple[str, plan.Composed], ...]:
        """The author's query with what the protocol adds."""
        written = {name for name, _ in query}
        added = [(name, plan.Composed((text,))) for name, text in self.query if name not in written]
        if self.window is None:
            return (*query, *added)
        own = next((value for name, value in query if name == "$filter"), None)
        if own is None:
            filtered = plan.Composed((self.window,))
        else:
            with_and = replace(self.window, parts=(" and ", *self.window.parts))
            filtered = plan.Composed(("(", *own.parts, ")", with_and))
        return (*((name, value) for name, value in query if name != "$filter"), *added, ("$filter", filtered))


def drifted(now: edm.Metadata, before: edm.Metadata, entity_set: str, reads: Iterable[str]) -> list[str]:
    """What the service has of it no longer, or as something else, in words that follow the name of a resource."""
    if now.type_of(entity_set) is None:
        return [f"is {entity_set}, and the service no longer has that entity set"]
    told = []
    for name in reads:
        was, found = before.property_at(entity_set, name), now.property_at(entity_set, name)
        if was is None:
            continue
        if found is None:
            told.append(f"reads {name}, and the service no longer has it")
        elif (found.type, found.collection) != (was.type, was.collection):
            told.append(f"reads {name}, which was {_kind(was)} and is {_kind(found)} now")
        elif found.nullable and not was.nullable:
            told.append(f"reads {name}, which may be null now")
    return told


def _kind(one: edm.Property) -> str:
    return f"a collection of {one.type}" if one.collection else one.type


def whole(pages: plan.Pages, asked: Asked) -> plan.Pages:
    """The pages of a resource, refused where an expanded list is cut. Nothing is looked for where rows are not."""
    if not asked.within or pages.ends.rows is None:
        return pages
    return replace(pages, ends=replace(pages.ends, within=asked.within))


def question(path: plan.Composed, query: tuple[tuple[str, plan.Composed], ...]) -> str:
    """What is asked for, whatever the window (plan.HttpResource.asks)."""
    fixed = [(name, [part for part in value.parts if not isinstance(part, plan.Bounded)]) for name, value in query]
    return hashlib.sha256(repr((path, fixed)).encode()).hexdigest()[:16]


@dataclass
class Services:
    """The OData connectors of a project. of: by connector and resource. digests: of the metadata files that were read."""

    of: dict[str, dict[str, Asked]] = field(default_factory=dict)
    digests: list[tuple[str, str]] = field(default_factory=list)

    def knows(self, connector: str) -> bool:
        """Whether what its metadata says is known."""
        return connector in self.of

    def asked(self, connector: str, resource: str) -> Asked | None:
        return self.of.get(connector, {}).get(resource)


def expand(symbols: Symbols, root: Path, report: Report) -> Services:
    """Puts plain resources in the place of those that are entity sets, into `symbols`."""
    found = Services()
    files: DataFiles | None = None
    for name, node in symbols.connectors.items():
        if node.kind is None or node.kind.text not in KINDS:
            _refuse_sets(node, report)
            continue
        files = files or DataFiles(root, symbols.sources, report)
        read = _metadata(node, node.kind, files, symbols, report)
        if read is None:
            continue
        shaper, digest = read
        found.digests.append((shaper.file, digest))
        found.of[name] = asked = {}
        resources = []
        for resource in node.resources:
            if resource.entity_set is None:
                resources.append(resource)
                continue
            maps = [
                one for one in symbols.maps if (one.connector.text, one.resource.text) == (name, resource.name.text)
            ]
            made = _Resource(resource, resource.entity_set, shaper, report).made(maps)
            if made is not None:
                resources.append(made[0])
                asked[resource.name.text] = made[1]
            else:
                # Nothing more is said of it: neither here nor of the maps that read it.
                report.lose((resource.name.text,))
        symbols.connectors[name] = replace(node, resources=tuple(resources))
    return found


def _refuse_sets(node: ast.Connector, report: Report) -> None:
    if node.metadata is not None:
        report.error(
            "FM0402",
            "metadata belongs to a connector that is odata2 or odata4",
            node.metadata.span,
            help=f"write connector {node.name.text} is odata4, or leave the line out",
        )
    for resource in node.resources:
        if resource.entity_set is not None:
            report.error(
                "FM0402",
                f"{resource.entity_set.text} is an entity set, and {node.name.text} is no OData service",
                resource.entity_set.span,
                help=f"write connector {node.name.text} is odata4 (or odata2), or the resource's address with get",
            )


# ------------------------------------------------------------------------------------------------------------ the file


def _metadata(
    node: ast.Connector, kind: ast.Name, files: DataFiles, symbols: Symbols, report: Report
) -> tuple[Shaper, str] | None:
    """What the connector's metadata file says, and its digest; None after a diagnostic."""
    if node.metadata is None:
        if not report.broken(node.span):
            report.error(
                "FM0401",
                f"{node.name.text} lacks its line metadata",
                node.name.span,
                help=f'add: metadata "{node.name.text}_metadata.xml", and fetch the file by: fieldmap metadata {node.name.text}',
            )
        return None
    place = files.within(node.metadata, f"fetch it by: fieldmap metadata {node.name.text}")
    if place is None:
        return None
    path, shown = place
    try:
        if path.stat().st_size > edm.LARGEST:
            raise edm.MetadataError(f"it has more than {edm.LARGEST >> 20} MB")
        content = path.read_bytes()
        text = edm.text_of(content)
        read = edm.read(text)
    except (edm.MetadataError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        report.error(
            "FM0440",
            f"{node.metadata.value} cannot be read as the metadata of a service: {reason}",
            node.metadata.span,
            help=f"fetch it again by: fieldmap metadata {node.name.text}",
        )
        return None
    if read.version != kind.text:
        report.error(
            "FM0440",
            f"{node.metadata.value} is of version {read.version[-1]}, and {node.name.text} is {kind.text}",
            kind.span,
            help=f"write is {read.version}, or fetch the metadata of the other service",
        )
        return None
    symbols.sources[shown] = Source(shown, text)
    return Shaper(read, shown), hashlib.sha256(content).hexdigest()


# -------------------------------------------------------------------------------------------------------- a resource


class _Resource:
    def __init__(self, node: ast.Resource, entity_set: ast.Name, shaper: Shaper, report: Report) -> None:
        self._node = node
        self._set = entity_set
        self._shaper = shaper
        self._metadata = shaper.metadata
        self._report = report
        self._span = entity_set.span

    def made(self, maps: list[ast.Map]) -> tuple[ast.Resource, Asked] | None:
        """The resource as plain lines, and what is asked for; None after a diagnostic."""
        metadata = self._metadata
        if self._set.text not in metadata.sets:
            self._report.unknown("FM0441", f"entity set in {self._shaper.file} called", self._set, metadata.sets)
            return None
        struct = metadata.type_of(self._set.text)
        if struct is None:
            self._report.error(
                "FM0440",
                f"{self._shaper.file} does not say what the entities of {self._set.text} look like",
                self._set.span,
                help="name an entity set whose type stands in the file",
            )
            return None
        node, two = self._node, metadata.version == "odata2"
        single = metadata.sets[self._set.text].single
        wanted = self._wanted(maps)
        self._check_written(struct)
        plain = replace(
            node,
            get=node.get
            if node.get is not None or node.post is not None
            else ast.Text(value=f"/{self._set.text}", span=self._span),
            records=node.records or self._path(*(("d", "results", None) if two else () if single else ("value", None))),
            pages=node.pages or ast.Pages(kind="none" if single else metadata.version, span=self._span),
            ids=node.ids or self._ids(struct),
            shape=self._shape(struct, wanted),
        )
        window, delta = self._delta(struct)
        reads = tuple(self._flat(struct, wanted, "")[0])
        within = tuple(self._within(struct, wanted, ()))
        asked = Asked(tuple(self._query(struct, wanted, two=two, single=single)), within, window, delta, reads)
        return plain, asked

    # ------------------------------------------------------------------------------------------------- lines

    def _path(self, *steps: str | None) -> ast.Path:
        """The path through these members; None is each element."""
        segments: list[ast.Segment] = [
            ast.WildcardSegment(span=self._span) if step is None else ast.MemberSegment(name=step, span=self._span)
            for step in steps
        ]
        return ast.Path(root="$", segments=tuple(segments), span=self._span)

    def _ids(self, struct: edm.StructType) -> tuple[ast.Expr, ...]:
        types = {one.name: one.type for one in self._metadata.properties(struct)}
        return tuple(
            self._path(name)
            if types.get(name) in _KNOWN_BY or types.get(name) in self._metadata.enums
            else ast.Call(
                function=ast.Name(text="text", span=self._span), arguments=(self._path(name),), span=self._span
            )
            for name in self._metadata.key(struct)
        )

    def _shape(self, struct: edm.StructType, wanted: Wanted) -> ast.Shape:
        made = self._shaper.members(struct, wanted)
        written = self._node.shape
        if written is None:
            place = struct.place
            return ast.Shape(members=made, span=Span(self._shaper.file, place.start, place.end))
        return replace(written, members=overlaid(made, written.members))

    def _check_written(self, struct: edm.StructType) -> None:
        """A member that the service does not have would be asked for in vain; those of the protocol itself are no properties."""
        known = [one.name for one in self._metadata.properties(struct)]
        known += [one.name for one in self._metadata.navigations(struct)]
        for member in self._node.shape.members if self._node.shape is not None else ():
            name = member.name.text
            if name not in known and not name.startswith("__") and "@" not in name:
                self._report.unknown("FM0206", f"property of {self._set.text} called", member.name, known)

    # ------------------------------------------------------------------------------------------- what is asked for

    def _wanted(self, maps: list[ast.Map]) -> Wanted:
        """What the lines of the resource and of its maps read."""
        node, found = self._node, Wanted(whole=not maps)
        for line in (*node.ids, node.changed, node.deleted_when, node.when, node.sparse_when):
            if line is not None:
                _add(found, line, {"$": ()})
        for one in maps:
            roots: Roots = {"$": ()} if one.alias is None else {"$": (), one.alias.text: ()}
            _add_items(found, one.items, roots)
        return found

    def _query(self, struct: edm.StructType, wanted: Wanted, *, two: bool, single: bool) -> Iterator[tuple[str, str]]:
        if two:
            yield "$format", "json"
            names, expanded = self._flat(struct, wanted, "")
            if names != ["*"]:
                yield "$select", ",".join(names)
            if expanded:
                yield "$expand", ",".join(expanded)
        else:
            yield from (tuple(part.split("=", 1)) for part in self._nested(struct, wanted))  # type: ignore[misc]
        if not single:
            yield ("$inlinecount", "allpages") if two else ("$count", "true")

    def _selected(self, struct: edm.StructType, wanted: Wanted) -> list[str]:
        """The properties that are read, and the key; all: ["*"]."""
        if wanted.whole:
            return ["*"]
        key = self._metadata.key(struct)
        known = [one.name for one in self._metadata.properties(struct)]
        return [name for name in known if name in key or name in wanted.members]

    def _followed(self, struct: edm.StructType, wanted: Wanted) -> list[tuple[edm.Navigation, edm.StructType, Wanted]]:
        types = self._metadata.types
        return [
            (one, types[one.type], inner(self._metadata, one, wanted.members[one.name]))
            for one in self._metadata.navigations(struct)
            if one.name in wanted.members and one.type in types
        ]

    def _flat(self, struct: edm.StructType, wanted: Wanted, before: str) -> tuple[list[str], list[str]]:
        """Of version 2: `$select` and `$expand`, with paths."""
        names = [before + name for name in self._selected(struct, wanted)]
        expanded: list[str] = []
        for one, type_, below in self._followed(struct, wanted):
            expanded.append(before + one.name)
            more_names, more_expanded = self._flat(type_, below, f"{before}{one.name}/")
            names += more_names
            expanded += more_expanded
        return names, expanded

    def _nested(self, struct: edm.StructType, wanted: Wanted) -> list[str]:
        """Of version 4: the options of a level, `$expand` with those of the next in its brackets."""
        names = self._selected(struct, wanted)
        options = [f"$select={','.join(names)}"] if names != ["*"] else []
        expanded = []
        for one, type_, below in self._followed(struct, wanted):
            inside = ";".join(self._nested(type_, below))
            expanded.append(f"{one.name}({inside})" if inside else one.name)
        return [*options, f"$expand={','.join(expanded)}"] if expanded else options

    def _within(self, struct: edm.StructType, wanted: Wanted, before: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Where a link to the rest of an expanded list would stand in a record."""
        two = self._metadata.version == "odata2"
        for one, type_, below in self._followed(struct, wanted):
            if one.collection:
                yield (*before, one.name, "__next") if two else (*before, f"{one.name}@odata.nextLink")
            inside = (*before, one.name, RESULTS) if two and one.collection else (*before, one.name)
            yield from self._within(type_, below, inside)

    # ------------------------------------------------------------------------------------------------- what changed

    def _delta(self, struct: edm.StructType) -> tuple[plan.Bounded | None, plan.Delta | None]:
        """The filter that asks for what changed in a window; (None, None) where the author says how, or nothing can be asked."""
        node = self._node
        window = node.window or ast.Window(span=self._span)
        changed = self._changed(struct)
        written = window.since is not None or window.until is not None or window.step is not None or bounds_named(node)
        if changed is None or written:
            return None, None
        day = changed.is_date or changed.type == "Edm.Date" or isinstance(node.changed, ast.LocalTime)
        form: tuple[str, str | None] | None
        if window.form is not None:
            form = written_form(window, self._report)
            if form is None:
                return None, None
        elif day:
            zone = node.changed.zone.value if isinstance(node.changed, ast.LocalTime) else "UTC"
            form = "yyyy-MM-dd", zone
        else:
            form = ("yyyy-MM-dd'T'HH:mm:ss", "UTC") if changed.type == "Edm.DateTime" else ("iso", None)
        quote, end = _LITERALS.get((self._metadata.version, changed.type), ("", ""))
        if day and window.form is None and changed.type == "Edm.DateTime":
            end = "T00:00:00'"
        parts: list[str | plan.SweepRef] = [f"{changed.name} ge {quote}", plan.SweepRef("since"), end]
        if not day:
            parts += [f" and {changed.name} lt {quote}", plan.SweepRef("until"), end]
        default = plan.Delta()
        delta = plan.Delta(
            written=form[0],
            zone=form[1],
            settles_ms=window.settles.milliseconds if window.settles is not None else default.settles_ms,
            overlap_ms=window.overlap.milliseconds if window.overlap is not None else default.overlap_ms,
        )
        return plan.Bounded(tuple(part for part in parts if part != "")), delta

    def _changed(self, struct: edm.StructType) -> edm.Property | None:
        """The property that the `changed` line is about, if the service can be asked by it."""
        value = self._node.changed
        if isinstance(value, ast.LocalTime):
            value = value.date
        while isinstance(value, ast.Conversion):
            value = value.value
        if not isinstance(value, ast.Path) or value.root != "$" or len(value.segments) != 1:
            return None
        step = value.segments[0]
        name = step.name if isinstance(step, ast.MemberSegment) else ""
        found = next((one for one in self._metadata.properties(struct) if one.name == name), None)
        timed = {"Edm.DateTime", "Edm.DateTimeOffset", "Edm.Date"}
        return found if found is not None and found.filterable and found.type in timed else None


def _add(found: Wanted, node: ast.Node, roots: Roots) -> None:
    for _, steps in paths_in(node, roots):
        found.add(steps)


def _add_items(found: Wanted, items: Iterable[ast.MapItem], roots: Roots) -> None:
    for item in items:
        match item:
            case ast.Ignore():
                pass
            case ast.Each():
                found.add(steps_of(item.path, roots), whole=False)
                for node, steps in paths_in(item.path, roots):
                    if node is not item.path:
                        found.add(steps)
                _add_items(found, item.items, {**roots, item.alias.text: steps_of(item.path, roots)})
            case ast.Also():
                _add_items(found, item.items, roots)
            case _:
                _add(found, item, roots)
