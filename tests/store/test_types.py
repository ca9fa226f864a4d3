"""Times, durations and UUIDs through COPY and merge into PostgreSQL, and back as it writes them."""

from __future__ import annotations

from pathlib import Path

from tests.support import Pages, compiled, load, ready, rows

from fieldmap.runtime.store.database import Server
from fieldmap.runtime.values.durations import parse

MAPS = """
entity Shift {
  key badge : uuid
  began     : time?
  lasted    : duration?
  breaks    : list of duration
  clocks    : list of time
  badges    : list of uuid
  mail      : email?
  fee       : decimal(8, 2)?  rounded half even
}
connector hr {
  base "https://hr.example.com"
  resource shifts {
    get     "/shifts"
    records $[*]
    id      $.no
    shape { no: text, badge: uuid, began: time?, lasted: duration?, breaks: [ duration ], clocks: [ time ], badges: [ uuid ], mail: text?, fee: number? }
  }
}
map hr.shifts to Shift {
  badge  = $.badge
  began  = $.began
  lasted = $.lasted
  breaks = $.breaks
  clocks = $.clocks
  badges = $.badges
  mail   = $.mail
  fee    = $.fee
}
"""
BADGE = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


def test_types_arrive_as_postgresql_has_them(tmp_path: Path, database: Server) -> None:
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    record = {
        "no": "1",
        "badge": BADGE.upper(),
        "began": "14:30:00.25",
        "lasted": "-P1Y2M3DT-4H0.5S",
        "breaks": ["PT15M", "P-1DT-0.000001S", "P1M"],
        "clocks": ["23:59:59.999999"],
        "badges": [BADGE.replace("-", "")],
        "mail": "Ada@Example.COM",
        "fee": 0.125,
    }
    load(database, bundle, "hr_shifts__shift", [Pages().page([record])])
    statement = (
        "SELECT badge::text, began::text, extract(year FROM lasted) * 12 + extract(month FROM lasted), extract(day FROM lasted),"
        " extract(epoch FROM lasted - date_trunc('day', lasted)), breaks::text[], clocks::text, badges::text, mail, fee::text"
        " FROM canonical.shift"
    )
    ((badge, began, months, days, seconds, breaks, clocks, badges, mail, fee),) = rows(database, statement)
    lasted = parse(record["lasted"])  # type: ignore[arg-type]
    assert lasted is not None
    assert (months, days, int(seconds * 1_000_000)) == (lasted.months, lasted.days, lasted.micros)
    assert (badge, began, clocks, badges) == (BADGE, "14:30:00.25", "{23:59:59.999999}", f"{{{BADGE}}}")
    assert breaks == ["PT15M", "P-1DT-0.000001S", "P1M"]
    assert (mail, fee) == ("Ada@example.com", "0.12")


def test_a_month_that_was_thirty_days_is_written(tmp_path: Path, database: Server) -> None:
    """PostgreSQL calls the two equal."""
    bundle = compiled(tmp_path, all=MAPS)
    ready(database, bundle)
    pages = Pages()
    for length in ("P30D", "P1M"):
        record = {"no": "1", "badge": BADGE, "lasted": length, "breaks": [length], "clocks": [], "badges": []}
        load(database, bundle, "hr_shifts__shift", [pages.page([record])])
    assert rows(database, "SELECT lasted::text, breaks::text FROM canonical.shift") == [("P1M", "{P1M}")]
