"""What stands round a record, from the page to the row: the interpreter and the generated Python read the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.meaning.equal import essence
from tests.support import MemoryPage, project

from fieldmap.compiler import interpret
from fieldmap.compiler.explain.locate import find_record
from fieldmap.compiler.project import compile_project
from fieldmap.runtime.archive import Archived
from fieldmap.runtime.load.batch import Batch
from fieldmap.runtime.load.maker import BatchMaker

MAP = """
entity Thing {
  key id     : text
  company    : text?
  beside     : text?
  fetched_at : datetime
  url        : text
  etag       : text?
}
connector c {
  base "https://x"
  resource things {
    get     "/things"
    records $.pages[?@.kind == "RECORD"].record.data
    id      $.id
  }
}
map c.things to Thing {
  id         = $.id
  company    = @page.company
  beside     = @envelope.stream
  fetched_at = @fetched_at
  url        = @url
  etag       = @header("ETag")
}
"""
BODY = b"""{"company": "X", "pages": [
  {"kind": "STATE"},
  {"kind": "RECORD", "record": {"stream": "s1", "data": {"id": "1"}}},
  {"kind": "RECORD", "record": {"stream": "s2", "data": {"id": "2"}}}]}"""
AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_page_to_claims(tmp_path: Path) -> None:
    checked = project(tmp_path, things=MAP)
    assert checked.ok, checked.diagnostics
    bundle = compile_project(checked)
    (info,), (map_,) = bundle.catalogue.maps, checked.project.maps
    page = MemoryPage(1, BODY, url="https://x/things", fetched_at=AT, headers={"etag": '"7"'})
    maker = BatchMaker(info, bundle.transform(info.id))
    batch: Batch = maker.new()
    maker.add(batch, page)
    assert batch.counts.claimed == 2, batch.dead
    lines = batch.stages[0]
    assert all(part in lines[0] for part in ("s1", "X", "2026-02-03", "https://x/things", '"7"'))
    assert "s2" in lines[1]

    archived = Archived(
        resource="c.things", url=page.url, fetched_at=AT, status=200, headers=page.headers, body=BODY,
        format="json", request="", sweep="", page=1, position=1, length=1,
    )  # fmt: skip
    for index in range(2):
        located = find_record(map_, archived, index)
        assert located.path_text == f"$.pages[{index + 1}].record.data"
        around = located.around(archived)
        module = bundle.transform(info.id)
        found = module.transform(located.record, *(around[name] for name in module.SURROUNDINGS))
        assert essence(found) == essence(interpret.run_record(map_, checked.project.codes, located.record, around))
        span = located.span(["id"])
        assert span is not None
        assert BODY[span[0] : span[1]] == f'"{index + 1}"'.encode()
