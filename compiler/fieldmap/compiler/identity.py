"""Identity: whether the keys of an entity's sources are one numbering, and what joins those that are not."""

from __future__ import annotations

from collections.abc import Iterable

from fieldmap.compiler import ir, types
from fieldmap.compiler.claims import claims_of, root_of
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.places import place
from fieldmap.compiler.report import Report
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label

Pair = tuple[str, str]
"""A connector and a resource."""

_INCOMPARABLE = (
    ir.FloatType,
    ir.JsonType,
    ir.MoneyType,
    ir.QuantityType,
    ir.ListType,
    ir.RecordType,
    ir.ReferenceType,
    ir.ObjectType,
    ir.UnknownType,
)


def named(source: ast.SourceName) -> str:
    """A source as it is written: `workday` or `workday.workers`."""
    return source.connector.text + (f".{source.resource.text}" if source.resource is not None else "")


def speaks_for(source: ast.SourceName, pair: Pair) -> bool:
    """Whether a source is this resource, or the connector that speaks for it."""
    return source.connector.text == pair[0] and (source.resource is None or source.resource.text == pair[1])


class IdentityLowering:
    """Reads the identity lines of one merge. `sources` gives the ranked claims; `identity` what joins them."""

    def __init__(
        self,
        info: EntityInfo,
        merge: ast.Merge | None,
        claims: list[tuple[ir.Map, ir.Claim]],
        referring: list[Pair],
        symbols: Symbols,
        report: Report,
    ) -> None:
        self._info = info
        self._name = info.node.name.text
        self._merge = merge
        self._claims = claims
        self._symbols = symbols
        self._report = report
        self._resources = list(dict.fromkeys((map_.connector, map_.resource) for map_, _ in claims))
        self._referring = [pair for pair in referring if pair not in self._resources]
        self._same = self._same_sources()
        self._matches = [m for m in (merge.matches if merge is not None else ()) if self._usable(m)]
        self._own: dict[str, ast.SourceName] = {}
        for match in self._matches:
            self._own.setdefault(named(match.source), match.source)
        self._base = [*self._same, *(m.target for m in self._matches if self._own_of(m.target) is None)]

    def sources(self) -> tuple[ir.Source, ...]:
        """The claims, ranked by the identity lines: those of the base first. Each resource beyond the first must be accounted for."""
        said = [*self._base, *self._own.values()]
        if len(self._resources) > 1:
            unsaid = [pair for pair in self._resources if not any(speaks_for(source, pair) for source in said)]
            if unsaid:
                self._unsaid(unsaid)
        ranked = sorted(
            self._claims,
            key=lambda item: (_rank(said, (item[0].connector, item[0].resource)), item[0].id, item[1].number),
        )
        return tuple(
            ir.Source(
                map=map_.id,
                claim=claim.number,
                table=claim.table,
                connector=map_.connector,
                resource=map_.resource,
                rank=rank,
                partial=claim.partial,
                numbering=(self.numbering((map_.connector, map_.resource)) or "") if self._own else "",
            )
            for rank, (map_, claim) in enumerate(ranked)
        )

    def known(self, source: ast.SourceName, *, referring: bool = False) -> bool:
        """Whether the source claims this entity (or refers to it, if that is enough), after a diagnostic if not."""
        pairs = [*self._resources, *(self._referring if referring else [])]
        if any(speaks_for(source, pair) for pair in pairs):
            return True
        known = sorted({connector for connector, _ in self._resources})
        self._report.error(
            "FM0602",
            f"{named(source)} has no map to {self._name}",
            source.span,
            help=f"these have: {', '.join(known)}" if known else "",
        )
        return False

    def numbering(self, pair: Pair) -> str | None:
        """The numbering of a resource's keys of this entity; None if nothing says it. A resource that only refers to the entity
        has that of its connector."""
        for name, source in self._own.items():
            if speaks_for(source, pair):
                return name
        if any(speaks_for(source, pair) for source in self._base):
            return self._base_name
        if pair not in self._resources:
            kin = {self.numbering(other) for other in self._resources if other[0] == pair[0]}
            return kin.pop() if len(kin) == 1 else None
        return None

    def identity(self, sources: tuple[ir.Source, ...]) -> ir.Identity | None:
        """What joins the sources; None where all share one numbering."""
        merge = self._merge
        if merge is None:
            return None
        self._check_numberings()
        order = self._order()
        lines = [line for match in self._matches if (line := self._match(match, sources)) is not None]
        self._once()
        agree = self._agreements(sources)
        if not self._own or order is None:
            return None
        return ir.Identity(
            base=self._base_name,
            own=order,
            matches=tuple(lines),
            agree=agree,
            place=place(self._symbols.sources, self._matches[0].span),
        )

    # ------------------------------------------------------------------------------------------------ numberings

    @property
    def _base_name(self) -> str:
        return named(self._base[0]) if self._base else ""

    def _own_of(self, source: ast.SourceName) -> str | None:
        """The numbering of its own that covers the source, if there is one."""
        pairs = self._pairs(source)
        return next((name for name, own in self._own.items() if pairs and pairs <= self._pairs(own)), None)

    def _pairs(self, source: ast.SourceName) -> set[Pair]:
        return {pair for pair in self._resources if speaks_for(source, pair)}

    def _same_sources(self) -> list[ast.SourceName]:
        if self._merge is None:
            return []
        if not self._claims and not any(self._report.broken(node.span) for node in self._symbols.maps):
            self._report.error(
                "FM0604",
                f"no map claims {self._name}",
                self._merge.entity.span,
                help="remove the merge, or add a map",
            )
        said: list[ast.SourceName] = []
        for same in self._merge.same:
            key = tuple(name.text for name in same.fields)
            if self._info.has_key and set(key) != set(self._info.key):
                self._report.error(
                    "FM0601",
                    f"{self._name} is told apart by {', '.join(self._info.key)}",
                    same.span,
                    help=f"write: same {_key_words(self._info.key)} of …",
                )
            if said and same.sources:
                self._report.error(
                    "FM0205",
                    "the numbering that sources share is said twice",
                    same.span,
                    help="name all its sources in one line",
                )
            said.extend(source for source in same.sources if self.known(source, referring=True))
        return said

    def _usable(self, match: ast.Match) -> bool:
        """Whether both ends of a match claim the entity, and are not one; after a diagnostic if not."""
        source, target = self.known(match.source), self.known(match.target)
        if not source or not target:
            return False
        if self._pairs(match.source) & self._pairs(match.target):
            self._report.error(
                "FM0621",
                f"{named(match.source)} is matched to itself; two keys of one source are never joined by a match",
                match.source.span.to(match.target.span),
                help="match it to another source",
            )
            return False
        return True

    def _check_numberings(self) -> None:
        for name, own in self._own.items():
            for other in self._same:
                if self._pairs(own) & self._pairs(other):
                    self._report.error(
                        "FM0620",
                        f"{name} shares its numbers with others by `same`, so there is nothing to match",
                        own.span,
                        labels=[Label(other.span, "its numbers are those of the others here")],
                        help=f"leave the match out, or take {named(other)} out of `same`",
                    )
            for other_name, other in self._own.items():
                if other_name != name and own.resource is not None and self._pairs(own) <= self._pairs(other):
                    self._report.error(
                        "FM0620",
                        f"{other_name} speaks for all its resources, {name} among them",
                        own.span,
                        labels=[Label(other.span, f"{other_name} is matched here")],
                        help=f"write {other_name} in both lines, or name its resources one by one",
                    )
        shared = set[Pair]().union(*(self._pairs(source) for source in self._same or self._base[:1]))
        for target in self._base:
            if self._pairs(target) <= shared or not self._info.has_key:
                continue
            self._report.error(
                "FM0601",
                f"nothing says whether the numbers of {named(target)} are those of {named(self._base[0])}",
                target.span,
                help=f"if they are one numbering, write: same {_key_words(self._info.key)} of {named(self._base[0])}, {named(target)}",
            )
        if self._own:
            self._check_key()

    def _check_key(self) -> None:
        first = next(iter(self._own))
        match = self._matches[0]
        key = self._info.key
        if not self._info.has_key or (
            len(key) == 1 and isinstance(self._info.fields[key[0]].type, ir.TextType | ir.UnknownType)
        ):
            return
        if len(key) == 1:
            found = f"the key {key[0]} is {types.describe(self._info.fields[key[0]].type)}"
            reference = isinstance(self._info.fields[key[0]].type, ir.ReferenceType)
            help_text = (
                f"match {types.describe(self._info.fields[key[0]].type).split()[-1]} instead: this key follows it"
                if reference
                else f"declare it so: key {key[0]} : text"
            )
        else:
            found = f"the key of {self._name} has {len(key)} fields ({', '.join(key)})"
            help_text = "only an entity with a key of one text can be matched; match the entity that its key refers to"
        self._report.error(
            "FM0623",
            f"a number of {first} that is not matched becomes a key such as {first}:100, and {found}",
            match.source.span,
            labels=[Label(self._info.declared[name].span, "declared here") for name in key[:1]],
            help=help_text,
        )

    def _order(self) -> tuple[str, ...] | None:
        """The numberings of their own, each after those that its matches lead to; None after a diagnostic if they lead in a circle."""
        needs = {name: set[str]() for name in self._own}
        for match in self._matches:
            target = self._own_of(match.target)
            if target is not None:
                needs[named(match.source)].add(target)
        order: list[str] = []
        while len(order) < len(needs):
            ready = next((name for name in needs if name not in order and needs[name] <= set(order)), None)
            if ready is None:
                circle = [name for name in needs if name not in order]
                line = next(
                    m for m in self._matches if named(m.source) == circle[0] and self._own_of(m.target) in circle
                )
                self._report.error(
                    "FM0622",
                    f"{' and '.join(circle)} are matched to each other, so none of them has a number to begin with",
                    line.span,
                    help=f"match one way only, and the other to the source whose numbers are the key of {self._name}",
                )
                return None
            order.append(ready)
        return tuple(order)

    def _unsaid(self, unsaid: list[Pair]) -> None:
        if not self._info.has_key or (self._merge is not None and self._report.broken(self._merge.span)):
            return
        words = ", ".join(f"{connector}.{resource}" for connector, resource in unsaid)
        node = self._info.node
        every = ", ".join(dict.fromkeys(connector for connector, _ in self._resources))
        declared = next((m for m in self._symbols.maps if (m.connector.text, m.resource.text) == unsaid[0]), None)
        key = _key_words(self._info.key)
        self._report.error(
            "FM0601",
            f"{len(self._resources)} sources claim {node.name.text}, and nothing says whether their keys are one numbering: {words}",
            self._merge.entity.span if self._merge is not None else node.name.span,
            labels=[Label(declared.connector.span.to(declared.resource.span), "this source")]
            if declared is not None
            else [],
            help=f"if equal keys mean the same {node.name.text}, write in merge {node.name.text} {{ }}: same {key} of {every};"
            f" if {unsaid[0][0]} has numbers of its own: match {unsaid[0][0]} to … on …",
        )

    # --------------------------------------------------------------------------------------------------- matches

    def _match(self, match: ast.Match, sources: tuple[ir.Source, ...]) -> ir.Match | None:
        fields = self._comparable(match.fields, "a match")
        if fields is None:
            return None
        ends: list[tuple[int, ...]] = []
        for end in (match.source, match.target):
            ranks = tuple(
                s.rank for s in sources if speaks_for(end, (s.connector, s.resource)) and self._assigns(s, set(fields))
            )
            if not ranks:
                self._report.error(
                    "FM0626",
                    f"{named(end)} never claims {' and '.join(fields)}{' together' if len(fields) > 1 else ''}, so this joins nothing",
                    end.span,
                    labels=[Label(match.fields[0].span, "compared here")],
                    help=f"assign {'them' if len(fields) > 1 else 'it'} in a map of {named(end)}, or match on another field",
                )
                return None
            ends.append(ranks)
        words = fields[0] if len(fields) == 1 else f"({', '.join(fields)})"
        return ir.Match(
            source=named(match.source),
            target=self._own_of(match.target) or self._base_name,
            sources=ends[0],
            targets=ends[1],
            fields=fields,
            text=f"match {named(match.source)} to {named(match.target)} on {words}",
            place=place(self._symbols.sources, match.span),
        )

    def _once(self) -> None:
        seen: dict[tuple[str, str, tuple[str, ...]], ast.Match] = {}
        for match in self._matches:
            same = (named(match.source), named(match.target), tuple(sorted(name.text for name in match.fields)))
            first = seen.setdefault(same, match)
            if first is not match:
                self._report.twice("this match", match.span, first.span)

    def _agreements(self, sources: tuple[ir.Source, ...]) -> tuple[str, ...]:
        if self._merge is None:
            return ()
        agreed: dict[str, ast.Name] = {}
        for line in self._merge.agreements:
            if not self._own and not self._merge.matches:
                self._report.error(
                    "FM0627",
                    f"nothing of {self._name} is matched, so there is no join on which to agree",
                    line.span,
                    help="add a line: match … to … on …, or leave this one out",
                )
                continue
            fields = self._comparable(line.fields, "an agreement")
            for name in line.fields if fields is not None else ():
                if name.text in agreed:
                    self._report.twice(f"the agreement on {name.text}", name.span, agreed[name.text].span)
                    continue
                agreed[name.text] = name
                saying = {s.numbering for s in sources if self._assigns(s, {name.text})}
                if len(saying) < 2 and self._own:
                    self._report.error(
                        "FM0626",
                        f"only {next(iter(saying), 'no source')} claims {name.text}, so there is nothing to agree on",
                        name.span,
                        help="leave it out, or assign it in the maps of both sides",
                    )
        return tuple(agreed)

    def _comparable(self, fields: Iterable[ast.Name], what: str) -> tuple[str, ...] | None:
        """The names of fields whose values can be compared, or None after a diagnostic."""
        found: dict[str, None] = {}
        good = True
        for name in fields:
            if name.text not in self._info.fields:
                if not self._report.broken(self._info.node.span):
                    self._report.unknown("FM0202", f"field of {self._name} called", name, self._info.fields)
                good = False
            elif name.text in self._info.key:
                self._report.error(
                    "FM0624",
                    f"{name.text} is the key, and {what} is for sources whose keys say nothing to each other",
                    name.span,
                    help=f"if equal keys mean the same {self._name}, write: same {_key_words(self._info.key)} of …",
                )
                good = False
            elif isinstance(self._info.fields[name.text].type, _INCOMPARABLE):
                self._report.error(
                    "FM0625",
                    f"{name.text} is {types.describe(self._info.fields[name.text].type)}, and {what} compares plain values",
                    name.span,
                    labels=[Label(self._info.declared[name.text].span, "declared here")],
                    help="use texts, whole numbers, decimals, dates or instants",
                )
                good = False
            elif name.text in found:
                self._report.error("FM0205", f"{name.text} is named twice", name.span, help="name it once")
                good = False
            found[name.text] = None
        return tuple(found) if good else None

    def _assigns(self, source: ir.Source, fields: set[str]) -> bool:
        return any(
            map_.id == source.map
            and claim.number == source.claim
            and fields <= {assignment.field for assignment in claim.assignments}
            for map_, claim in self._claims
        )


def referring_to(maps: list[ir.Map]) -> dict[str, list[Pair]]:
    """For each entity the resources that refer to it by its key."""
    found: dict[str, dict[Pair, None]] = {}
    for map_ in maps:
        for claim in claims_of(map_):
            for item in claim.assignments:
                type_ = item.target.element if isinstance(item.target, ir.ListType) else item.target
                if isinstance(type_, ir.ReferenceType):
                    found.setdefault(root_of(type_), {})[(map_.connector, map_.resource)] = None
    return {entity: list(pairs) for entity, pairs in found.items()}


def _rank(said: list[ast.SourceName], pair: Pair) -> int:
    return next((rank for rank, source in enumerate(said) if speaks_for(source, pair)), len(said))


def _key_words(key: tuple[str, ...]) -> str:
    return key[0] if len(key) == 1 else f"({', '.join(key)})"
