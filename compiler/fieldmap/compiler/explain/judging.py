"""Whether a value is what it should be: by its claim, by the archive, and by what a replay has still to do."""

from __future__ import annotations

from fieldmap.compiler import ir
from fieldmap.runtime.store.database import Connection


def judged(
    connection: Connection,
    entity: ir.Entity,
    *,
    held: str | None,
    value: str | None,
    would_be: str,
    unit: str,
    made_by: str,
    now: str,
) -> tuple[str, str]:
    """How the value of a row differs from what it should be; and what a replay has still to do to it, if that is why. held: by the claim
    that won; would_be: what the archive gives by the map of now, if that is something else than the claim holds. made_by, now:
    versions of the map. unit: of the field, "" if it has none."""
    if would_be and made_by == now:
        return f"recomputed: {would_be}", ""
    if held != value:
        told = f"the claim holds {_or_none(held, unit)}, the row {_or_none(value, unit)}"
        if is_replaying(connection, entity):
            return "", f"{told}, until the replay under way comes to its end: fieldmap status"
        return told, ""
    if would_be:
        return "", f"by the map as it is now, {now}, it would be {would_be}: fieldmap replay makes it so"
    return "", ""


def without_row(connection: Connection, entity: ir.Entity) -> tuple[str, str]:
    """The same where claims make a row, and there is none."""
    if is_replaying(connection, entity):
        return "", "the row is made when the replay under way comes to its end: fieldmap status"
    return "the claims make a row, which is not there: something else has removed it", ""


def without_claim(connection: Connection, entity: ir.Entity, value: str) -> tuple[str, str]:
    """The same where a row has a value that no claim gives."""
    told = f"no claim gives the {value} of the row"
    if is_replaying(connection, entity):
        return "", f"{told}, until the replay under way comes to its end: fieldmap status"
    return f"{told}: something else has written it", ""


def is_replaying(connection: Connection, entity: ir.Entity) -> bool:
    """Whether a map that feeds an entity is loaded anew, and not at its end."""
    found = connection.execute(
        "SELECT FROM fieldmap.positions WHERE map = ANY(%s) AND replaying", [[source.map for source in entity.sources]]
    ).fetchone()
    # A row without columns is an empty one.
    return found is not None


def _or_none(value: str | None, unit: str) -> str:
    return "none" if value is None else f"{value} {unit}".rstrip()
