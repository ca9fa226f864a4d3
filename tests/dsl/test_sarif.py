"""Mistakes for code scanning and CI."""

from __future__ import annotations

from fieldmap.dsl.diagnostics import Diagnostic, Edit, Label, Severity
from fieldmap.dsl.sarif import render_github, render_gitlab, render_sarif
from fieldmap.dsl.source import Source, Span

SOURCES = {
    "maps/a b.map": Source("maps/a b.map", "one\ntwo é three\n"),
    "people.map": Source("people.map", "entity Worker\n"),
}
FOUND = [
    Diagnostic(
        "FM0304",
        "hired_on is a date, and this gives a text",
        Span("maps/a b.map", 10, 15),
        note="text?",
        labels=(Label(Span("people.map", 7, 13), "this is what is needed"),),
        help="say how it is written: 50%, a:b",
        edit=Edit(Span("maps/a b.map", 15, 15), " as date"),
    ),
    Diagnostic("FM0112", "never used", Span("people.map", 0, 6), severity=Severity.WARNING),
]


def test_sarif() -> None:
    log = render_sarif(FOUND, SOURCES, "1.2.3", lambda code: f"# {code}")
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["FM0112", "FM0304"]
    assert run["tool"]["driver"]["rules"][1]["help"]["markdown"] == "# FM0304"
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("FM0304", 1, "error")
    assert (second["ruleId"], second["ruleIndex"], second["level"]) == ("FM0112", 0, "warning")
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "maps/a%20b.map", "uriBaseId": "PROJECT"}
    assert place["region"] == {"startLine": 2, "startColumn": 7, "endLine": 2, "endColumn": 12}
    related = first["relatedLocations"][0]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "people.map"
    assert related["message"]["text"] == "this is what is needed"
    replacement = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["insertedContent"]["text"] == " as date"
    assert replacement["deletedRegion"]["startColumn"] == replacement["deletedRegion"]["endColumn"] == 12


def test_a_finding_keeps_its_fingerprint_where_lines_move() -> None:
    moved = {**SOURCES, "people.map": Source("people.map", "# new\nentity Worker\n")}
    before = [FOUND[1]]
    after = [Diagnostic("FM0112", "never used", Span("people.map", 6, 12), severity=Severity.WARNING)]
    assert render_gitlab(before, SOURCES)[0]["fingerprint"] == render_gitlab(after, moved)[0]["fingerprint"]


def test_annotations_escape_what_would_end_them() -> None:
    first, second = render_github(FOUND, SOURCES).splitlines()
    assert first == (
        "::error file=maps/a b.map,line=2,endLine=2,col=7,title=FM0304 a value of one type where another is needed"
        "::hired_on is a date, and this gives a text: say how it is written: 50%25, a:b"
    )
    assert second.startswith("::warning file=people.map,line=1,")
