"""What the store must hold, as a pure function of the pages in the archive and the maps: written apart from the runtime, of which it
uses nothing. It knows the two maps of `MAPS` in three versions each, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

TEMPLATE = """
entity Worker {
  key number : text
  name    : text
  email   : text?
  commute : decimal(8, 1) in km?
  grade   : int?
}
connector hr is files {
  folder "x"
  resource people {
    files "*.json" as json
    records $.data[*]
    id $.id
    changed $.at
    deleted when $.gone otherwise false
    shape { id: text, name: text?, mail: text?, miles: number?, grade: text?, at: datetime, gone: bool? }
  }
}
connector pay is files {
  folder "x"
  resource slips {
    files "*.json" as json
    records $.data[*]
    id $.slip
    changed $.at
    deleted when $.gone otherwise false
    shape { slip: text, id: text, mail: text?, km: number?, at: datetime, gone: bool? }
  }
}
map hr.people to Worker {
  when (<FILTER> otherwise true)
  number  = $.id
  name    = $.name
  email   = <MAIL>
  commute = $.miles in mi
  grade   = $.grade as int if invalid <OUTCOME>
}
map pay.slips to Worker partial {
  number  = $.id
  email   = $.mail
  commute = $.km in km
}
merge Worker {
  same number of hr, pay
  default prefer hr, pay
  email   <EMAIL>
}
"""


def _maps(**words: str) -> str:
    text = TEMPLATE
    for word, instead in words.items():
        text = text.replace(f"<{word}>", instead)
    return text


MAPS = (
    _maps(FILTER='$.name != "draft"', MAIL="$.mail", OUTCOME="reject", EMAIL="newest"),
    _maps(FILTER='$.name != "temp"', MAIL="lower($.mail)", OUTCOME="hold up to 100 %", EMAIL="prefer pay, hr"),
    _maps(FILTER='$.name != "temp"', MAIL="lower($.mail)", OUTCOME="hold up to 100 %", EMAIL="newest"),
)
# The last reads as the second and merges as the first: dead letters of the first can be retried with it.
MENDED = 2
HR, PAY = "hr.people", "pay.slips"
# Miles in km, to one place, worked out by hand.
KM = {1: "1.6", 5: "8.0", 10: "16.1"}


@dataclass(frozen=True)
class Version:
    """A record as one page shows it. day: its `changed`. place: (page, index), which orders what is of one day."""

    record: str
    day: int
    place: tuple[int, int]
    raw: tuple[tuple[str, Any], ...]

    @property
    def order(self) -> tuple[int, tuple[int, int]]:
        return self.day, self.place


@dataclass(frozen=True)
class Claim:
    source: str
    version: Version
    key: str
    fields: dict[str, Any]
    held: frozenset[str] = frozenset()


@dataclass
class Expected:
    """rows: canonical by key. origins: by (key, field) the value's source and version. dead: by (source, record) its rejected version.
    incomplete: keys that lack a name. held: (record, field)."""

    rows: dict[str, dict[str, Any]]
    origins: dict[tuple[str, str], tuple[str, Version]]
    dead: dict[tuple[str, str], Version]
    incomplete: set[str]
    held: set[tuple[str, str]]


Pages = dict[str, list[list[dict[str, Any]]]]


def expected(pages: Pages, version: int, retried: int | None = None) -> Expected:
    """version: which of MAPS. retried: with which of them the dead letters were retried since; it merges as `version` does."""
    claims: list[Claim] = []
    dead: dict[tuple[str, str], Version] = {}
    for source in (HR, PAY):
        for record, versions in _by_record(source, pages[source]).items():
            bad = [one for one in versions if version == 0 and _rejected(source, one)]
            good = [one for one in versions if one not in bad]
            stands = max(good, key=lambda one: one.order, default=None)
            newest_bad = max(bad, key=lambda one: one.order, default=None)
            if newest_bad is not None and (stands is None or newest_bad.order > stands.order):
                if retried in (None, 0):
                    dead[source, record] = newest_bad
                else:
                    # It alone is read by the other maps; what stood before it does not stand any more, whatever it says.
                    claims += [claim for claim in [_claim(source, newest_bad, retried)] if claim is not None]
                    continue
            if stands is not None and (claim := _claim(source, stands, version)) is not None:
                claims.append(claim)
    found = Expected({}, {}, dead, set(), {(c.version.record, name) for c in claims for name in c.held})
    for key in sorted({claim.key for claim in claims}):
        _merge(key, [claim for claim in claims if claim.key == key], version, found)
    return found


def _by_record(source: str, pages: list[list[dict[str, Any]]]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for number, page in enumerate(pages):
        for index, raw in enumerate(page):
            record = raw["id" if source == HR else "slip"]
            day = int(raw["at"][8:10])
            found.setdefault(record, []).append(Version(record, day, (number, index), tuple(sorted(raw.items()))))
    return found


def _rejected(source: str, version: Version) -> bool:
    raw = dict(version.raw)
    # What is deleted or left out is not read any further.
    ends = raw.get("gone") or raw.get("name") == "draft"
    return source == HR and not ends and raw.get("grade") == "bad"


def _claim(source: str, version: Version, maps: int) -> Claim | None:
    raw = dict(version.raw)
    if raw.get("gone"):
        return None
    if source == PAY:
        km = raw.get("km")
        return Claim(
            source, version, raw["id"], {"email": raw.get("mail"), "commute": None if km is None else f"{km}.0"}
        )
    if raw.get("name") == ("draft", "temp", "temp")[maps]:
        return None
    mail, grade, miles = raw.get("mail"), raw.get("grade"), raw.get("miles")
    fields = {
        "name": raw.get("name"),
        "email": mail.lower() if mail and maps else mail,
        "commute": None if miles is None else KM[miles],
        "grade": None if grade in (None, "bad") else int(grade),
    }
    return Claim(source, version, raw["id"], fields, frozenset({"grade"} if grade == "bad" else ()))


def _merge(key: str, claims: list[Claim], maps: int, found: Expected) -> None:
    if not any(claim.source == HR for claim in claims):
        return  # slips alone make no worker
    row: dict[str, Any] = {}
    for name in ("name", "email", "commute", "grade"):
        those = [claim for claim in claims if claim.fields.get(name) is not None]
        winner = _winner(
            those, (HR, PAY) if name != "email" or maps != 1 else (PAY, HR), newest=name == "email" and maps != 1
        )
        row[name] = None if winner is None else winner.fields[name]
        if winner is not None:
            found.origins[key, name] = winner.source, winner.version
    if row["name"] is None:
        found.incomplete.add(key)
        found.origins = {place: origin for place, origin in found.origins.items() if place[0] != key}
    else:
        found.rows[key] = row


def _winner(claims: Iterable[Claim], order: tuple[str, ...], *, newest: bool) -> Claim | None:
    """By the order of the sources, or first by the day; within a source the newest, then the record that comes first."""
    ranked = sorted(
        claims,
        key=lambda c: (
            -c.version.day if newest else 0,
            order.index(c.source),
            -c.version.day,
            c.version.record,
        ),
    )
    return ranked[0] if ranked else None
