"""How many of the lines that people wrote `draft` proposes: the shipped mappings, each resource against its entity, with the records of
the examples as samples. `python -m tests.compiler.drafts` prints the figures of docs/benchmarks.md, and what was proposed wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

from fieldmap.compiler import shapes
from fieldmap.compiler.draft.proposing import Known, proposals
from fieldmap.compiler.draft.reading import members
from fieldmap.compiler.project import Checked, check
from fieldmap.compiler.report import Report
from fieldmap.compiler.steps import EACH, Steps, paths_in
from fieldmap.dsl import ast
from fieldmap.runtime.values.decode import json_body

PROJECTS = (".", "api", "demo", "starter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that a person wrote, and the draft's. paths: of the members that the person read. text, proposed: the expressions."""

    map: str
    field: str
    paths: tuple[str, ...]
    text: str
    member: str
    proposed: str

    @property
    def is_right(self) -> bool:
        """The draft reads a member that the person read."""
        return self.member.removesuffix(EACH) in {path.removesuffix(EACH) for path in self.paths}

    @property
    def is_same(self) -> bool:
        return "".join(self.text.split()) == "".join(self.proposed.split())


def lines() -> Iterator[Line]:
    """Every line of the shipped maps that reads a member, outside of `each` blocks."""
    with as_file(files("fieldmap.mappings")) as mappings:
        for name in PROJECTS:
            checked = check(mappings / name, sorted((mappings / name).glob("*.map")))
            assert checked.ok, [item.message for item in checked.diagnostics]
            for node in checked.context.symbols.maps:
                yield from _of_map(checked, node)


def _of_map(checked: Checked, node: ast.Map) -> Iterator[Line]:
    connector = checked.context.symbols.connectors[node.connector.text]
    resource = next(one for one in connector.resources if one.name.text == node.resource.text)
    if resource.shape is None or node.entity is None:
        return
    shape = shapes.build(resource.shape, Report(), connector.sentinels)
    found = members(shape, list(_samples(checked, node)))
    fields = list(checked.context.entities[node.entity.text].fields.values())
    made = proposals(fields, Known(dict(checked.context.codes), found, "draft"))
    text = checked.sources[node.span.path].text
    written: set[str] = set()
    for item in node.items:
        if not isinstance(item, ast.Assignment):
            continue
        roots: dict[str, Steps] = {"$": ()}
        if node.alias is not None:
            roots[node.alias.text] = ()
        paths = tuple(_path(steps) for _, steps in paths_in(item.value, roots))
        if not paths:
            continue
        written.add(item.field.text)
        one = made.get(item.field.text)
        yield Line(
            map=f"{node.connector.text}.{node.resource.text} to {node.entity.text}",
            field=item.field.text,
            paths=paths,
            text=text[item.value.span.start : item.value.span.end],
            member=one.member.path if one is not None else "",
            proposed=one.value if one is not None else "",
        )
    for name, one in made.items():
        if name not in written:
            title = f"{node.connector.text}.{node.resource.text} to {node.entity.text}"
            yield Line(map=title, field=name, paths=(), text="", member=one.member.path, proposed=one.value)


def _path(steps: Steps) -> str:
    return "$" + "".join(step if step == EACH else shapes.member_text(step) for step in steps)


def _samples(checked: Checked, node: ast.Map) -> Iterator[Any]:
    """The records of the examples of the map's resource."""
    for example in checked.context.symbols.examples.values():
        given = example.given
        if given.connector is None or given.resource is None:
            continue
        if (given.connector.text, given.resource.text) == (node.connector.text, node.resource.text):
            yield json_body(given.json.value.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """written: lines of people. right: the draft reads a member that they read; same: the whole line is theirs. wrong: it reads another
    member. added: it has a line where they have none."""

    written: int
    right: int
    same: int
    wrong: int
    added: int


def quality() -> Quality:
    found = list(lines())
    written = [line for line in found if line.text]
    return Quality(
        written=len(written),
        right=sum(line.is_right for line in written),
        same=sum(line.is_same for line in written),
        wrong=sum(bool(line.member) and not line.is_right for line in written),
        added=sum(not line.text for line in found),
    )


def main() -> None:
    for line in lines():
        if not line.is_right:
            print(f"{line.map}: {line.field} = {line.text or '-'}   proposed: {line.proposed or '-'}")
    print(quality())


if __name__ == "__main__":
    main()
