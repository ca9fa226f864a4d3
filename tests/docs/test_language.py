"""The language's reference says what the compiler does: its blocks are checked, its tables are tried row by row.

A block of the document is a whole project of one file, unless a comment before it names the context that it is set into, and the
mistake that it has to give: `<!-- context: map, error: FM0304 -->`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.docs.pages import FENCE, follow, write

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.compiler.project import Checked, check, compile_project
from fieldmap.dsl.diagnostics import CODES
from fieldmap.dsl.format import format_source
from fieldmap.dsl.source import Source
from fieldmap.runtime.values.failures import TITLES
from fieldmap.runtime.values.outcome import Claimed, Duration, Held
from fieldmap.runtime.values.patterns import PatternError, compile_pattern

DOCUMENT = Path(__file__).parents[2] / "docs" / "language.md"
TEXT = DOCUMENT.read_text("utf-8")

WORKER = """
entity Worker {
  key worker_id : text
  worker_code   : text?
  legal_name    : text?
  email         : text?
  street        : text?
  city          : text?
  postcode      : text?
  hired_on      : date?
  status        : enum { active, leave, terminated }?
  manager       : Worker?
  base_salary   : money(12, 2) per year?
  commute       : decimal(8, 1) in km?
  skills        : list of text
}
"""
WORKDAY = """
connector workday {
  base "https://workday.example.com"
  resource workers {
    get     "/v1/workers"
    records $.data[*]
    id      $.employeeID
    changed $.lastModified
    deleted when $.status == "Deleted"
    shape {
      employeeID   : text
      name         : { first: text, middle: text?, last: text }
      email        : { work: text?, home: text? }?
      hireDate     : text?
      status       : text
      comp         : { amount: number, currency: text }?
      commuteMiles : number?
      managerID    : text?
      skills       : [ { name: text } ]
      lastModified : text
    }
  }
}
codes worker_status { "Active" -> active; "On Leave" -> leave }
"""
ORDERS = """
entity Order { key order_no : text }
entity OrderLine {
  key (order_no, line_no)
  order_no : Order
  line_no  : int
  pieces   : int in each
}
connector shop {
  base "https://shop.example.com"
  resource orders {
    get   "/orders"
    id    $.no
    shape { no: text, pieces: int?, items: [ { line: int, qty: int } ] }
  }
}
"""
SOURCES = f"""{WORKER}{WORKDAY}
connector payroll is files {{
  folder "drop"
  resource people {{
    files   "*.csv" as csv
    id      $.number
    changed $.at
  }}
  resource timesheets {{
    files "t*.csv" as csv
    id    $.no
  }}
}}
map workday.workers to Worker {{
  worker_id   = $.employeeID
  legal_name  = words($.name.first, $.name.last)
  hired_on    = $.hireDate as date
  email       = $.email.work
  base_salary = $.comp.amount in USD per year
  commute     = $.commuteMiles in mi
}}
map payroll.people to Worker partial {{
  worker_id   = $.number
  legal_name  = $.name
  hired_on    = $.hired as date
  email       = $.email
  base_salary = $.pay in EUR per year
  commute     = $.way in km
}}
"""
TIMESHEETS = """
entity Timesheet {
  key sheet_no : text
  worker       : Worker
  approver     : Worker?
}
"""
UNTIMED = f"""{SOURCES}
connector register {{
  base "https://register.example.com"
  resource people {{
    get "/people"
    id  $.number
  }}
}}
map register.people to Worker partial {{
  worker_id = $.number
  email     = $.mail
}}
"""
MAPPED = f"""{WORKER}{WORKDAY}
map workday.workers to Worker {{
  when $.status != "Applicant"
  worker_id = $.employeeID
  hired_on  = $.hireDate as date("MM/dd/yyyy")
  status    = $.status via worker_status if invalid reject
  commute   = $.commuteMiles in mi
  skills    = $.skills[*].name
}}
"""
PRODUCTS = """
entity Product {
  key no : text
  width  : decimal(8, 2) in cm?
  mass   : decimal(8, 2) in kg?
  height : decimal(8, 2) in cm?
  cable  : decimal(8, 2) in m?
  spans  : list of decimal(8, 2) in cm
  big    : bool?
  price  : money(12, 2)?
  cost   : money(12, 2)?
  salary : money(12, 2) per year?
  yearly : money(12, 2) per year?
  stated : money(12, 2) per year?
}
connector shop {
  base "https://shop.example.com"
  resource products {
    get   "/products"
    id    $.no
    shape { no: text, width: text?, mass: text?, height: text?, cables: [ text ], span: text?, price: text?, cost: text?,
            amount: number?, currency: text?, paidPer: text?, text: text? }
  }
}
"""
INVOICES = """
entity Invoice { key invoice_no : text; total : money(12, 2) in EUR? }
connector shop {
  base "https://shop.example.com"
  resource invoices {
    get   "/invoices"
    id    $.no
    shape { no: text, amount: decimal, currency: text, date: date }
  }
}
"""
PEOPLE = """
entity Person { key person_no : text; badge : text? }
connector hr {
  base "https://hr.example.com"
  resource people {
    get   "/people"
    id    $.no
    shape { no: text, name: { first: text?, last: text } pii }
  }
}
"""
LINE_SHOP = """
connector shop {
  base "https://shop.example.com"
  resource lines {
    get "/lines"
    id  $.no
    shape { no: text, weighed: bool, qty: number?, text: text?, grams: number? }
  }
}
"""
PERIODS = 'codes pay_period { "H" -> hour; "Y" -> year; "M" -> month }\n'
RESOURCE = 'connector shop {\n  base "https://shop.example.com"\n  resource orders {\n    get "/orders"\n    id $.id\n'
# What stands round a block; `§` is its place.
SHIFTS = f"""
entity Shift {{ key shift_no : text; began : datetime; lasted : duration }}
{RESOURCE.replace("orders", "shifts").replace("$.id", "$.no")}    shape {{ no: text, day: text, at: time, lasted: duration }}
  }}
}}
"""
CONTEXTS = {
    "shifts": f"{SHIFTS}§",
    "": "§",
    "lines": f"{LINE_SHOP}§",
    "file": f"{WORKER}{WORKDAY}§",
    "orders": f"{ORDERS}§",
    "reference": f"{WORKER}{WORKDAY}§",
    "rates": f"{INVOICES}§",
    "personal": f"{PEOPLE}§",
    "sources": f"{SOURCES}{TIMESHEETS}§",
    "untimed": f"{UNTIMED}§",
    "examples": f"{MAPPED}§",
    "map": f"{WORKER}{WORKDAY}map workday.workers to Worker {{\n  worker_id = $.employeeID\n§}}\n",
    "products": f"{PRODUCTS}map shop.products to Product {{\n  no = $.no\n§}}\n",
    "pay": f"{PRODUCTS}{PERIODS}map shop.products to Product {{\n  no = $.no\n§}}\n",
    "resource": f"{RESOURCE}§  }}\n}}\n",
    "shape": f"{RESOURCE}shape {{\n id: text\n§}}\n  }}\n}}\n",
}

# A source that no shape describes, and a map of it to an entity with one field `x`.
LOOSE = """
connector c {{
  base "https://c.example.com"
  resource r {{
    get "/r"
    id  $.id
    # shape
  }}
}}
entity A {{
  key k : text
  x     : {type}
}}
map c.r to A {{
  k = $.id
  x = {value}
}}
"""
WITHOUT_MAP = "entity Worker {\n key worker_id : text\n}\n"
# Where the table of what is missing says that something would stand.
PLACES = {
    "file": f"{WITHOUT_MAP}§\n",
    "entity": "entity B {\n key id : text\n left_on : date?\n hired_on : date?\n §\n}\n",
    "type": f"{WITHOUT_MAP}entity B {{\n key id : text\n x : §\n}}\n",
    "connector": 'connector shop {\n base "https://shop.example.com"\n §\n resource orders {\n get "/orders"\n id $.id\n}\n}\n',
    "resource": f"{RESOURCE}§\n}}\n}}\n",
    "shape": f"{RESOURCE}shape {{\n id: text\n §\n}}\n}}\n}}\n",
    "map": LOOSE.format(type="text?", value="$.y\n §"),
    "value": LOOSE.format(type="text?", value="§"),
    "merge": f"{SOURCES}merge Worker {{\n same worker_id of workday, payroll\n default prefer workday, payroll\n §\n}}\n",
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its line in the document, its context, the mistake that it has to give."""

    line: int
    context: str
    error: str
    text: str

    @property
    def project(self) -> str:
        return CONTEXTS[self.context].replace("§", self.text)


def blocks() -> list[Block]:
    pattern = re.compile(r"(?:^<!-- (?P<marks>[^\n]*) -->\n)?^```map\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
    found = []
    for match in pattern.finditer(TEXT):
        marks = dict(mark.split(": ") for mark in (match["marks"] or "").split(", ") if mark)
        line = TEXT.count("\n", 0, match.start()) + 1
        found.append(Block(line, marks.get("context", ""), marks.get("error", ""), match["text"]))
    return found


def table(*header: str) -> list[list[str]]:
    """The rows of the table with this header."""
    _, _, rest = TEXT.partition(f"| {' | '.join(header)} |\n")
    assert rest, f"there is no table {header}"
    return rows_of(rest)


def tables(*header: str) -> list[list[str]]:
    """The rows of all tables with this header."""
    return [row for part in TEXT.split(f"| {' | '.join(header)} |\n")[1:] for row in rows_of(part)]


def rows_of(text: str) -> list[list[str]]:
    """The rows of a table behind its header."""
    rows = []
    for line in text.splitlines()[1:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def codes(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", cell)


def checked(folder: Path, text: str) -> Checked:
    path = folder / "document.map"
    (folder / "countries.csv").write_text("alpha-2,name\nCH,Switzerland\nDE,Germany\n", "utf-8")
    (folder / "cost_centers.csv").write_text(
        "company,code,Name of it,opened\n7,K1,Sales,2020-01-01\n7,K2,Buying,\n", "utf-8"
    )
    (folder / "fx.csv").write_text("date,from,to,rate\n2026-03-02,EUR,USD,1.0842\n", "utf-8")
    path.write_text(text, "utf-8")
    result = check(folder, [path])
    # The frame that is put round a snippet declares more than one snippet uses.
    result.diagnostics = [item for item in result.diagnostics if item.code != "FM0380"]
    return result


def mistakes(result: Checked) -> list[str]:
    return [f"{item.code} {item.message} ({item.note}) {item.help}" for item in result.diagnostics]


AMOUNTS = "id: text, amounts: [ number ], flags: [ bool ], lists: [ [ text ] ], day: date, born: date, start: datetime, end: datetime"
GIVEN = """ "amounts": [0.1, 0.2, 0.3], "flags": [false, true], "lists": [["a"], ["b", "c"]], "day": "2026-03-01",
 "born": "2000-03-02", "start": "2026-03-01T00:00:00Z", "end": "2026-03-01T00:01:30.5Z" """


def outcome(result: Checked, value: str) -> tuple[Any, tuple[Held, ...]]:
    """The field `x` that the loose map makes of a record with `y`, and what was held."""
    assert not result.diagnostics, mistakes(result)
    record = json.loads(f'{{"id": "1", "y": {value}, {GIVEN}}}', parse_float=Decimal)
    claimed = interpret.run_record(result.project.maps[0], result.project.codes, record)
    assert isinstance(claimed, Claimed), claimed
    return claimed.rows[0][0][1], claimed.held


def written(value: Any) -> Any:
    """A value as the document writes it."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, list):
        return [written(item) for item in value]
    if isinstance(value, dict):
        return {name: written(part) for name, part in value.items()}
    if isinstance(value, Duration):
        return value.iso()
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("+00:00", "Z")
    return Fraction(value)


def meant(cell: str) -> Any:
    """What the document writes, as a value; a word without quotes is a value of an enum."""
    (text,) = codes(cell)
    if re.fullmatch(r"[a-z]+", text) and text not in ("true", "false"):
        return text
    value = json.loads(text, parse_float=Decimal)
    return Fraction(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


# ------------------------------------------------------------------------------------------------------------- blocks


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"line {block.line}")
def test_block(block: Block, tmp_path: Path) -> None:
    result = checked(tmp_path, block.project)
    if block.error:
        assert {item.code for item in result.diagnostics} == {block.error}, mistakes(result)
        return
    assert not result.diagnostics, mistakes(result)
    assert result.examples == block.project.count("\nexample ")
    compile_project(result)


def test_whole_blocks_are_laid_out_as_fmt_does() -> None:
    for block in blocks():
        if block.context in ("", "file", "orders", "sources", "examples"):
            assert format_source(Source("document.map", block.text)) == block.text, f"line {block.line}"


def test_the_document_has_blocks_and_a_true_table_of_contents() -> None:
    assert len(blocks()) >= 18
    assert blocks()[0].context == "", "the first block is a whole example"
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    contents = re.findall(r"\[(.*?)\]\(#(.*?)\)", TEXT.partition("**Contents**")[2].partition("\n\n")[0])
    assert [title for title, _ in contents] == headings
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in headings}
    subheadings = re.findall(r"^### (.*)$", TEXT, re.MULTILINE)
    anchors |= {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in subheadings}
    assert set(re.findall(r"\]\(#(.*?)\)", TEXT)) <= anchors


def keywords() -> set[str]:
    """The words of the grammar that an author may look up; those that only join others are left out."""
    grammar = resources.files("fieldmap.grammar").joinpath("fieldmap.lark").read_text("utf-8")
    found = re.findall(r"^_?[A-Z_]+\.1: /((?:\w|\[ \\t\]\+)+?)\(\?!\\w\)/", grammar, re.MULTILINE)
    return {word.replace(r"[ \t]+", " ") for word in found} - JOINING


# Words that stand only within lines that begin with another one, and what stands in the table of missing parts.
JOINING = {"a", "for", "from", "is", "next", "none", "of", "on", "rest", "then", "time", "times", "to", "true", "false", "up", "with", "null wins"}  # fmt: skip


def test_every_word_is_in_the_index_and_explained_where_that_leads() -> None:
    index = re.findall(r"\[`(.*?)`\]\(#(.*?)\)", TEXT.partition("## Index of words\n")[2].partition("\n## ")[0])
    entries = " · ".join(word for word, _ in index)
    assert [word for word in keywords() if not re.search(rf"\b{word}\b", entries)] == []
    assert [word for word, _ in index] == sorted(word for word, _ in index)
    sections = re.split(r"^(?=###? )", TEXT, flags=re.MULTILINE)
    by_anchor = {
        re.sub(r"[^\w -]", "", part.splitlines()[0].strip("# ")).lower().replace(" ", "-"): part
        for part in sections[1:]
    }
    for word, anchor in index:
        assert re.search(rf"(?<!\w){re.escape(word)}(?!\w)", by_anchor[anchor]), f"{word} is not in {anchor}"


def test_what_is_typed_shows_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, name, text in FENCE.findall(TEXT):
        if kind == "json":
            write(name, text)
        elif kind == "console":
            # What is typed into `fieldmap repl` is no command; tests/cli/test_evaluating.py types it.
            ran += follow(text.partition("$ fieldmap repl")[0], capsys)
    assert ran == 4


# ------------------------------------------------------------------------------------------------------------- tables


def test_the_functions_are_those_of_the_compiler() -> None:
    rows = tables("Function", "What it gives", "Example", "Gives")
    assert [row[:2] for row in rows] == [[f"`{f.signature}`", f.doc] for f in FUNCTIONS.values()]


@pytest.mark.parametrize("row", tables("Function", "What it gives", "Example", "Gives"), ids=lambda row: str(row[0]))
def test_function_example(row: list[str], tmp_path: Path) -> None:
    wanted = meant(row[3])
    kinds = {str: "text?", list: "list of text", bool: "bool?"}
    type_ = kinds.get(type(wanted), "decimal(9, 3)?")
    (example,) = codes(row[2])
    function = FUNCTIONS[example.partition("(")[0]]
    if isinstance(next(item.expected for item in function.examples if item.expected is not None), date):
        type_ = "date?"
    project = LOOSE.format(type=type_, value=example).replace("# shape", f"shape {{ {AMOUNTS} }}")
    value, _ = outcome(checked(tmp_path, project), "null")
    assert written(value) == wanted


@pytest.mark.parametrize("row", table("The source sends", "The type", "Becomes"), ids=lambda row: f"{row[0]} {row[1]}")
def test_implicit_conversion(row: list[str], tmp_path: Path) -> None:
    (sent,), (type_,) = codes(row[0]), codes(row[1])
    optional = "" if type_.startswith("list") else "?"
    value, held = outcome(checked(tmp_path, LOOSE.format(type=f"{type_}{optional}", value="$.y")), sent)
    if row[2].startswith("FM"):
        assert [item.code for item in held] == [row[2]]
    else:
        assert not held
        assert written(value) == meant(row[2])


def shapes() -> list[tuple[str, str, str, str]]:
    """Each shape of the published table: the text, the settings, the field's unit, what comes of it."""
    found = []
    for row in table("A text such as", "For a field in", "Is read as"):
        (unit,), results = codes(row[1]), codes(row[2]) or [row[2]]
        shown = re.findall(r"`([^`]+)`(?: with `([^`]+)`)?", row[0])
        for index, (text, settings) in enumerate(shown):
            found.append((text, settings, unit, results[index] if len(results) == len(shown) else results[0]))
    return found


@pytest.mark.parametrize(("text", "settings", "unit", "wanted"), shapes(), ids=lambda value: str(value))
def test_published_shape(text: str, settings: str, unit: str, wanted: str, tmp_path: Path) -> None:
    project = LOOSE.format(type=f"decimal(14, 6) in {unit}?", value=f"$.y as quantity{settings}")
    value, held = outcome(checked(tmp_path, project), json.dumps(text))
    if wanted.startswith("FM"):
        assert [item.code for item in held] == [wanted]
    else:
        assert not held
        assert Fraction(value) == Fraction(wanted)


@pytest.mark.parametrize("row", tables("Written", "Reads", "Gives"), ids=lambda row: f"{row[0]} {row[1]}")
def test_spelled_out_conversion(row: list[str], tmp_path: Path) -> None:
    (conversion,), (sent,) = codes(row[0]), codes(row[1])
    name = re.split(r"\W", conversion.removeprefix("as "))[0]
    type_ = "decimal(9, 2)?" if name == "decimal" else f"{name}?"
    value, held = outcome(checked(tmp_path, LOOSE.format(type=type_, value=f"$.y {conversion}")), sent)
    if row[2].startswith("FM"):
        assert [item.code for item in held] == [row[2]]
        return
    assert not held
    assert written(value) == meant(row[2])


def test_the_letters_of_patterns() -> None:
    named = [cell for row in table("Letters", "Mean", "Letters", "Mean") for cell in (row[0], row[2])]
    said = {letters for cell in named for letters in codes(cell)} | {"S" * n for n in range(1, 10)}
    known = set()
    for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for count in range(1, 12):
            try:
                compile_pattern(letter * count)
            except PatternError:
                continue
            known.add(letter * count)
    assert said == known


@pytest.mark.parametrize("row", table("Written", "Is read as"), ids=lambda row: str(row[0]))
def test_binding(row: list[str], tmp_path: Path) -> None:
    (short,), (long,) = codes(row[0]), codes(row[1])
    assert _meaning(short, tmp_path) == _meaning(long, tmp_path)


def _meaning(value: str, folder: Path) -> ir.Expr:
    """The expression as the compiler understands it, for the first type of field that takes it."""
    found = []
    for type_ in ("bool?", "date?", "decimal(9, 2)?", "decimal(9, 2) in km?", "text?"):
        result = checked(folder, LOOSE.format(type=type_, value=value))
        if result.ok:
            assert result.project.maps[0].claim is not None
            return result.project.maps[0].claim.assignments[1].value
        found += mistakes(result)
    raise AssertionError(found)


@pytest.mark.parametrize("row", table("Elsewhere", "Here"), ids=lambda row: str(row[0]))
def test_habits(row: list[str], tmp_path: Path) -> None:
    """Signs of other languages are answered with an FM0105 that names ours."""
    operators = [code.replace("\\|", "|") for code in codes(row[0].split(" in a ")[0])]
    for theirs in operators:
        if not re.fullmatch(r"[^\w\s]+", theirs):
            continue
        condition = f"{theirs} $.b" if theirs == "!" else f"$.a {theirs} $.b"
        result = checked(tmp_path, LOOSE.format(type="text?", value=f"$.y\n when {condition}"))
        assert "FM0105" in {item.code for item in result.diagnostics}, (theirs, mistakes(result))


TYPES = [(code, row) for row in table("Type", "Holds", "In PostgreSQL") for code in codes(row[0])]


@pytest.mark.parametrize(("type_", "row"), TYPES, ids=lambda value: value if isinstance(value, str) else "")
def test_types(type_: str, row: list[str], tmp_path: Path) -> None:
    type_ = type_.replace("(p, s)", "(8, 2)").replace(" T", " text")
    fields = f"entity Worker {{ key worker_id : text }}\nentity B {{\n key k : text\n x : {type_}\n}}\n"
    result = checked(tmp_path, fields)
    assert not result.diagnostics, mistakes(result)
    tables = {table.name: dict(table.columns) for table in compile_project(result).catalogue.tables}
    column = tables["b"]["x"]
    said = codes(row[2])
    assert column == (said[0].replace("(p, s)", "(8, 2)") if said else "text[]" if "list" in type_ else "text")


LINES = [
    code
    for header in (("Resource line", "Says"), ("Pages", "The next page"))
    for row in table(*header)
    for code in codes(row[0])
]


@pytest.mark.parametrize("line", LINES)
def test_resource_lines(line: str, tmp_path: Path) -> None:
    line = re.sub(r"pages …", "pages none", re.sub(r"shape \{ … \}", "shape { no: text }", line).replace("{ … }", "{}"))
    kind = ' is files {\n folder "drop"' if line.startswith("files") else '{\n base "https://shop.example.com"'
    lines = {"get": 'get "/orders"', "id": "id $.no"} if "files" not in kind else {"id": "id $.no"}
    if line.startswith(("post", "body", "idempotency")):
        lines = {"post": 'post "/orders"', "id": "id $.no"}
    parent = ""
    if line.startswith("for each"):
        lines, parent = {"id": "id $.no"}, 'resource workers { get "/workers"; id $.id }'
    if line.startswith("job"):
        more = ('poll "/jobs/{job}"', "done when $.done == true otherwise false", "download at $.url")
        lines |= {one.split()[0]: one for one in more}
    lines[line.split()[0]] = line
    if line.startswith(("deleted", "when", "format")):
        lines["shape"] = "shape { no: text, status: text }"
    body = "\n".join(lines.values())
    result = checked(tmp_path, f"connector shop{kind}\n {parent}\n resource orders {{\n{body}\n}}\n}}\n")
    assert not result.diagnostics, mistakes(result)


# ----------------------------------------------------------------------------------------------------------- versions

MERGED = f"{SOURCES}merge Worker {{\n  same worker_id of workday, payroll\n  default prefer workday, payroll\n}}\n"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("in mi", "in km", "map"),
        ("in mi", "in mile # a comment", ""),
        ("$.data[*]", "$.workers[*]", "map"),
        ('deleted when $.status == "Deleted"\n', "", "map"),
        ("https://workday.example.com", "https://hr.example.com", ""),
        ('"Active" -> active; ', "", ""),
        ("street        : text?\n", "", "entity"),
        ("street        : text?", 'street : text? pii "Where it is"', ""),
        ("decimal(8, 1) in km", "decimal(8, 2) in km", "map entity"),
        ("prefer workday, payroll", "prefer workday.workers, payroll", ""),
        ("prefer workday, payroll", "prefer payroll, workday", "entity"),
        ("of workday, payroll", "of payroll, workday", "entity"),
    ],
)
def test_versions(old: str, new: str, changed: str, tmp_path: Path) -> None:
    assert old in MERGED
    before, after = _versions(MERGED, tmp_path), _versions(MERGED.replace(old, new), tmp_path)
    assert [name for name in before if before[name] != after[name]] == changed.split()


def _versions(text: str, folder: Path) -> dict[str, str]:
    result = checked(folder, text)
    assert result.ok, mistakes(result)
    worker = next(entity for entity in result.versioned.entities if entity.name == "Worker")
    return {"map": result.versioned.maps[0].version, "entity": worker.version}


# -------------------------------------------------------------------------------------------------------------- codes


def test_codes_exist() -> None:
    assert set(re.findall(r"FM\d{4}", TEXT)) <= CODES.keys() | TITLES.keys()
    ranges = {f"FM{match}" for match in re.findall(r"FM(\d\d)xx", TEXT)}
    assert ranges == {code[:4] for code in CODES} | {code[:4] for code in TITLES}


MISSING = [
    (row[1], snippet, row[3]) for row in table("Not yet", "Where", "Instead", "Code") for snippet in codes(row[0])
]


@pytest.mark.parametrize(("where", "snippet", "code"), MISSING, ids=lambda value: value if len(value) < 60 else "")
def test_what_is_missing_is_refused(where: str, snippet: str, code: str, tmp_path: Path) -> None:
    result = checked(tmp_path, PLACES[where].replace("§", snippet))
    assert {item.code for item in result.diagnostics} == {code}, mistakes(result)


def test_words_of_missing_parts_stand_only_in_their_table() -> None:
    """No block uses what the compiler refuses: each is compiled. Here the prose is searched for the plainest words."""
    before, _, _ = TEXT.partition("## Not in this release")
    for word in ("windows 1 day", "is kafka"):
        assert word not in before, word
