"""Mistakes for other programs: SARIF 2.1.0 (code scanning), and the annotations that CI services show beside a change. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from fieldmap.dsl.diagnostics import CODES, Diagnostic, Edit, Severity
from fieldmap.dsl.render import ordered
from fieldmap.dsl.source import Source, Span

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render_sarif(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], version: str, page: Callable[[str], str]
) -> dict[str, Any]:
    """A SARIF log of one run. version: of Fieldmap; page: gives the page of a code, as Markdown, "" if it has none."""
    found = ordered(diagnostics)
    codes = sorted({one.code for one in found})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "fieldmap",
                        "semanticVersion": version,
                        "rules": [_rule(code, page(code)) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"PROJECT": {"description": {"text": "The folder of fieldmap.toml."}}},
                "results": [_result(one, codes.index(one.code), sources) for one in found],
            }
        ],
    }


def _rule(code: str, page: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code, "shortDescription": {"text": CODES[code]}}
    if page:
        rule["help"] = {"text": page, "markdown": page}
    return rule


def _result(found: Diagnostic, rule: int, sources: Mapping[str, Source]) -> dict[str, Any]:
    text = found.message + (f" ({found.note})" if found.note else "") + (f". {found.help}" if found.help else "")
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": _LEVELS[found.severity],
        "message": {"text": text},
        "locations": [_location(found.span, sources)],
        "partialFingerprints": {"statement/v1": _fingerprint(found, sources)},
    }
    if found.labels:
        result["relatedLocations"] = [
            {"id": number, **_location(label.span, sources), "message": {"text": label.text}}
            for number, label in enumerate(found.labels, 1)
        ]
    if found.edit is not None:
        result["fixes"] = [_fix(found.edit, found.help, sources)]
    return result


def _location(span: Span, sources: Mapping[str, Source]) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(span), "region": _region(span, sources)}}


def _artifact(span: Span) -> dict[str, str]:
    return {"uri": quote(span.path), "uriBaseId": "PROJECT"}


def _region(span: Span, sources: Mapping[str, Source]) -> dict[str, int]:
    source = sources.get(span.path)
    if source is None:
        return {"startLine": 1}
    (line, column), (end_line, end_column) = source.position(span.start), source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _fix(edit: Edit, help_: str, sources: Mapping[str, Source]) -> dict[str, Any]:
    replacement = {"deletedRegion": _region(edit.span, sources), "insertedContent": {"text": edit.text}}
    return {
        "description": {"text": help_ or "change it so"},
        "artifactChanges": [{"artifactLocation": _artifact(edit.span), "replacements": [replacement]}],
    }


def _fingerprint(found: Diagnostic, sources: Mapping[str, Source]) -> str:
    """The same mistake in a file whose other lines moved is the same finding: code, file, and the text of its line."""
    source = sources.get(found.span.path)
    line = source.line(source.position(found.span.start)[0]).split() if source is not None else []
    return hashlib.sha256("\0".join([found.code, found.span.path, *line]).encode()).hexdigest()[:32]


def render_github(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> str:
    """Workflow commands, one a line, which GitHub shows beside the changed lines."""
    lines = []
    for found in ordered(diagnostics):
        region = _region(found.span, sources)
        properties = {
            "file": found.span.path,
            "line": region["startLine"],
            **({"endLine": region["endLine"], "col": region["startColumn"]} if "endLine" in region else {}),
            "title": f"{found.code} {CODES[found.code]}",
        }
        shown = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
        text = found.message + (f": {found.help}" if found.help else "")
        lines.append(f"::{_GITHUB[found.severity]} {shown}::{_escaped(text)}\n")
    return "".join(lines)


def render_gitlab(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source]) -> list[dict[str, Any]]:
    """A Code Quality report, which GitLab shows in a merge request."""
    severities = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}
    return [
        {
            "description": found.message + (f": {found.help}" if found.help else ""),
            "check_name": found.code,
            "fingerprint": _fingerprint(found, sources),
            "severity": severities[found.severity],
            "location": {"path": found.span.path, "lines": {"begin": _region(found.span, sources)["startLine"]}},
        }
        for found in ordered(diagnostics)
    ]


def _escaped(text: str, more: str = "") -> str:
    for char in "%\r\n" + more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
