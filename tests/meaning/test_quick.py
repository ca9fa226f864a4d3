"""I17 for the quick path: where it takes a record it makes the row that the interpreter makes, and it takes no other."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from tests.meaning import data
from tests.meaning.equal import load
from tests.meaning.expressions import CODES, INT, TEXT
from tests.meaning.maps import maps
from tests.meaning.one import assign, map_of, path
from tests.support import examples

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.emit import quick, transform
from fieldmap.compiler.emit.columns import codec_of
from fieldmap.compiler.interpret.reads import parts_of
from fieldmap.runtime.load.quickread import QuickReader
from fieldmap.runtime.values.cells import absent, encoder
from fieldmap.runtime.values.decode import json_body
from fieldmap.runtime.values.failures import Unreadable
from fieldmap.runtime.values.outcome import Claimed, Failed
from fieldmap.runtime.values.quick import is_nameable

RELAXED = settings(
    deadline=None,
    max_examples=examples(32),
    # A map of this size shrinks for minutes, and the message names field and cells anyhow.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def nameable(value: Any) -> Any:
    """The value without what makes the quick path leave the whole page: names that its decoder does not take, lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [nameable(item) for item in value]
    if isinstance(value, dict):
        return {name: nameable(item) for name, item in value.items() if is_nameable(name)}
    return value


def json_text(value: Any, twice: bool, spaced: bool) -> str:
    """JSON as a source may write it: unpaired surrogates escaped, numbers digit by digit, members twice, blanks anywhere."""
    match value:
        case None | Unreadable():
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + "".join(_escape(character) for character in value) + '"'
        case Decimal() | int():
            return format(value, "f") if isinstance(value, Decimal) and abs(value.adjusted()) < 30 else str(value)
        case list():
            return "[" + ",".join(json_text(item, twice, spaced) for item in value) + "]"
        case dict():
            members = [(name, json_text(item, twice, spaced)) for name, item in value.items()]
            if twice and members:
                members.append(members[0])
            colon = " : " if spaced else ":"
            return "{" + ",".join(f"{json_text(name, False, False)}{colon}{item}" for name, item in members) + "}"
        case _:
            return str(value)


def _escape(character: str) -> str:
    if character in '"\\' or character < " " or 0xD800 <= ord(character) <= 0xDFFF or character == "\u2028":
        return f"\\u{ord(character):04x}"
    return character


@st.composite
def quick_maps(draw: st.DrawFn) -> ir.Map:
    """Maps cut down to what the quick path takes."""
    made = draw(maps())
    assume(made.claim is not None)
    assert made.claim is not None
    roots: set[str | None] = {"$", made.alias}
    kept = tuple(
        msgspec.structs.replace(item, asked=())
        for item in made.claim.assignments
        if all(quick._plain(node, roots) for node in parts_of(item.value))
    )
    assume(kept)
    # A record goes the general way where one field of it fails: fields are tried one by one, mostly, and in a record that has
    # an identity.
    few = draw(st.sampled_from((1, 1, 1, 2, 6)))
    claim = msgspec.structs.replace(made.claim, assignments=kept[:few])
    cut = msgspec.structs.replace(made, claim=claim, children=(), sparse_when=None)
    if not quick.eligible(cut):
        cut = msgspec.structs.replace(cut, checks=(), when=None, deleted_when=None, changed=None)
    assume(quick.eligible(cut))
    return cut


def body_of(map: ir.Map, records: str) -> str:
    match map.records.segments:
        case (ir.Member(name=name), *_):
            return f'{{"before":[1],"{name}":{records},"after":{{"next":null}}}}'
        case _:
            return records


def same_cell(found: str, wanted: str, target: ir.Type) -> bool:
    """Whether PostgreSQL would read the same value from both."""
    if found == wanted:
        return True
    if isinstance(target, ir.DatetimeType):
        return datetime.fromisoformat(found) == datetime.fromisoformat(wanted)
    if isinstance(target, ir.DecimalType | ir.MoneyType) and "\\N" not in (found, wanted):
        amount, *rest = found.split("\t")
        other, *others = wanted.split("\t")
        return rest == others and Decimal(amount) == Decimal(other)
    return False


def check_page(map: ir.Map, module: Any, reader: QuickReader, content: bytes) -> int:
    """Holds what the quick path makes of a page against the interpreter; how many records it took."""
    body, page = json_body(content), reader.read(content)
    if page is None:
        return 0
    odd = [index for index, one in enumerate(page.decoded) if one is None]
    taken = [index for index in range(len(page.raws)) if index not in odd]
    out: list[str] = []
    digests = [page.digest(index) for index in taken]
    nulls = module.quick(taken, [page.decoded[index] for index in taken], digests, 7, page.safe, out, odd)
    if isinstance(body, Failed):
        assert any(isinstance(json_body(bytes(page.raws[index])), Failed) for index in odd)
        return 0
    records = interpret.records(map, body)
    assert len(records) == len(page.raws)
    assert map.claim is not None
    assignments = map.claim.assignments
    counted = [0] * len(assignments)
    for line, index in zip(out, [index for index in taken if index not in odd], strict=True):
        wanted = interpret.run_record(map, CODES, records[index])
        assert isinstance(wanted, Claimed), wanted
        assert not wanted.held
        assert not wanted.listed
        cells = line.removesuffix("\n").split("\t")
        head, rest = cells[:6], cells[6:]
        assert head[0] == encoder("text")(wanted.record_id)
        changed = "-infinity" if wanted.changed is None else wanted.changed.isoformat()
        assert head[2] == changed or same_cell(head[2], changed, ir.DatetimeType())
        assert head[1::2][0::2] == ["live", str(index)] or (head[1], head[3], head[4]) == ("live", "7", str(index))
        for place, (assignment, value) in enumerate(zip(assignments, wanted.rows[0][0], strict=True)):
            codec = codec_of(assignment.target)
            width = absent(codec).count("\t") + 1
            found, rest = "\t".join(rest[:width]), rest[width:]
            cell = absent(codec) if value is None else encoder(codec)(value)
            assert same_cell(found, cell, assignment.target), (assignment.field, found, cell)
            counted[place] += value is None
        assert not rest
    assert [0 if item.is_key else count for item, count in zip(assignments, counted, strict=True)] == list(nulls)
    return len(out)


@RELAXED
@given(
    quick_maps(),
    st.lists(data.records, min_size=4, max_size=10),
    st.sampled_from([(False, False)] * 6 + [(True, False), (False, True)]),
    st.integers(0, 7),
)
def test_M25_the_quick_path_makes_what_the_interpreter_makes(
    map: ir.Map, records: list[Any], manner: tuple[bool, bool], odd: int
) -> None:
    records = records if odd == 0 else [nameable(record) for record in records]
    module = load(transform.emit(map, CODES))
    reader = QuickReader(module.SHAPE, module.RECORDS)
    texts = [json_text(record, *manner) for record in records]
    # The first page teaches; then records of one kind, which have all that the first had, and the others.
    for page in (texts[:1], texts[:1] * 2, texts, texts[1:], [*texts, *texts]):
        content = body_of(map, f"[{','.join(page)}]").encode("utf-8", "surrogatepass")
        check_page(map, module, reader, content)


PERSON = map_of(
    assign(path("id", required=True, declared=TEXT), outcome="reject", is_key=True, field="id"),
    assign(path("name", "first", declared=TEXT), field="first"),
    assign(path("age", declared=INT), INT, field="age"),
    records=path("data", None),
    identity=(path("id", declared=TEXT),),
)


@pytest.mark.parametrize(
    ("records", "taken"),
    [
        ('{"id":"1","name":{"first":"Ada"},"age":36}', 1),
        ('{"id":"1","name":{"first":"Ada","first":"Bea"},"age":36}', 0),
        ('{"id":"1","name":{"first":"Ada"},"name":{"first":"Bea"},"age":36}', 0),
        ('{"id":"1","name":{"first":"Ada"},"age":36,"more":1,"more":2}', 0),
        ('{"id":"1","name":{"first":"Ada"},"ag\\u0065":36}', 1),
        ('{"id":"1","name":{"first":"a\\":b"},"age":36}', 1),
        ('{"id" :"1","name":{"first":"Ada"},"age":36,"age":37}', 0),
        ('{"id":"1","name":{"first":"Ada"},"note":"x\\u003a","age":1,"age":2}', 0),
        ('{"id":"1","name":null,"age":36}', 1),
        ('{"id":"1","age":36}', 1),
        ('{"id":"1","name":{"first":"Ada"}}', 1),
        ('{"id":"1","name":["first"],"age":36}', 0),
        ('{"id":"1","name":{"first":1},"age":36}', 0),
        ('{"id":"1","name":{"first":"Ada"},"age":"n/a"}', 0),
        ('{"id":"1","name":{"first":"tab\\tback\\\\slash"},"age":true}', 0),
        ('{"id":"1","name":{"first":"tab\\tback\\\\slash"},"age":1}', 1),
        ("null", 0),
        ("[]", 0),
    ],
)
@pytest.mark.parametrize("lesson", ['{"id":"0","name":{"first":"Eve"},"age":1}', '{"id":"0","age":1,"more":{"x":1}}'])
def test_M6_members_named_twice_and_other_surprises(records: str, taken: int, lesson: str) -> None:
    module = load(transform.emit(PERSON, CODES))
    reader = QuickReader(module.SHAPE, module.RECORDS)
    check_page(PERSON, module, reader, f'{{"data":[{lesson}]}}'.encode())
    assert check_page(PERSON, module, reader, f'{{"data":[{records}]}}'.encode()) == taken
    both = f'{{"data":[{lesson},{records},{lesson}]}}'.encode()
    assert check_page(PERSON, module, reader, both) == taken + 2


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ('{"data":[{"id":"1"}],"data":[{"id":"2"}]}', None),
        ('{"data":[{"id":"1"}],"next":"a","next":"b"}', None),
        ('{"data":[{"id":"1"}],"next":"a"}', 1),
        ('{"next":{"x":1},"data":[{"id":"1"}]}', 1),
        ('{"data":null}', None),
        ('{"data":{"id":"1"}}', None),
        ('[{"id":"1"}]', None),
        ('{"data":[{"id":"1"}]', None),
        ('\ufeff{"data":[{"id":"1"}]}', None),
    ],
)
def test_what_surrounds_the_records(body: str, taken: int | None) -> None:
    module = load(transform.emit(PERSON, CODES))
    for lesson in ('{"data":[{"id":"0"}]}', '{"data":[{"id":"0"}],"next":"z"}', body):
        reader = QuickReader(module.SHAPE, module.RECORDS)
        reader.read(lesson.encode())
        found = reader.read(body.encode())
        assert (None if found is None else len([one for one in found.decoded if one is not None])) in (
            taken,
            0 if taken is None else taken,
        )


def test_bytes_that_are_no_text_are_left_to_the_general_path() -> None:
    module = load(transform.emit(PERSON, CODES))
    reader = QuickReader(module.SHAPE, module.RECORDS)
    assert reader.read(b'{"data":[{"id":"1","x":"\xff"}]}') is None
    assert reader.read('{"data":[{"id":"1","x":"ü"}]}'.encode()) is not None
