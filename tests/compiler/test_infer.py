"""`fieldmap infer`: what is written passes the checker, keeps its layout, accepts its samples, and gives no personal value away."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import project

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.infer import sources
from fieldmap.compiler.infer.evidence import MOST_VALUES, Seen
from fieldmap.compiler.infer.writing import written
from fieldmap.compiler.project import check
from fieldmap.dsl.format import format_source
from fieldmap.dsl.source import Source
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.values.decode import json_body


def inferred(root: Path, file: str, content: str | bytes, **wanted: Any) -> str:
    """The map of a file; it must be good as it is."""
    path = root / file
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = written(sources.of_file(path, sources.Wanted(**wanted)))
    assert format_source(Source("x.map", text)) == text
    if " is odata" in text:
        (root / "checked").mkdir(exist_ok=True)
        (root / "checked" / file).write_bytes(path.read_bytes())
    checked = project(root / "checked", x=text)
    assert checked.ok, (text, [item.message for item in checked.diagnostics])
    return text


def has(text: str, *lines: str) -> None:
    """Whether the lines stand in the map, whatever its columns."""
    plain = [" ".join(line.split()) for line in text.splitlines()]
    for line in lines:
        assert any(line in one for one in plain), (line, text)


RECORDS: list[dict[str, Any]] = [
    {
        "employeeID": "21001", "name": {"first": "Ada", "last": "Byron"}, "email": "ada@example.com", "hireDate": "03/01/2021",
        "leftOn": "00/00/0000", "status": "Active", "miles": 12, "skills": [{"name": "SQL", "level": 3}], "remote": "Y",
        "lastModified": "2026-01-01T00:00:00Z", "grade": "N/A", "rate": "1.5", "office": {"code": "B-1"},
    },
    {
        "employeeID": "21002", "name": {"first": "Grace", "middle": "B", "last": "Hopper"}, "email": None, "hireDate": "03/11/2021",
        "leftOn": "13.02.2022", "status": "On Leave", "miles": -1, "skills": [], "remote": "N",
        "lastModified": "2026-01-02T00:00:00Z", "grade": "", "rate": "", "office": {"code": "B-2"},
    },
    {
        "employeeID": "21003", "name": {"first": "Ada", "last": "King"}, "hireDate": "04/12/2021", "leftOn": "", "status": "Active",
        "miles": 7.5, "skills": [{"name": "SAP"}], "remote": "Y", "lastModified": "2026-01-03T00:00:00Z", "grade": "7", "rate": "2",
        "manager": "Grace Hopper", "office": {"code": "B-1"},
    },
    {
        "employeeID": "21004", "name": {"first": "Ada", "last": "Zuse"}, "hireDate": "04/12/2021", "leftOn": "", "status": "On Leave",
        "miles": 8, "skills": [], "remote": "N", "lastModified": "2026-01-03T00:00:00Z", "grade": "7", "rate": "2", "office": {"code": "B-1"},
    },
]  # fmt: skip


def test_a_page_of_an_api(tmp_path: Path) -> None:
    text = inferred(
        tmp_path, "workers.json", json.dumps({"data": RECORDS, "paging": {"next": "c2", "total": 4}}), name="hr"
    )
    has(
        text,
        "connector hr {",
        "base env.HR_URL",
        "resource workers {",
        'pages cursor at $.paging.next sent as "cursor", total at $.paging.total # confirm the name of the parameter',
        "records $.data[*]",
        "id $.employeeID # different in all 4",
        "changed $.lastModified # the time of a change, by its name: confirm",
        'all text? absent when ""',
        'employeeID : text # in all 4; written like "99999", 4 different',
        "middle : text? pii # in 1 of 4",
        "email : text? pii # in 1 of 4; up to 15 characters",
        'as date("MM/dd/yyyy") or as date("dd/MM/yyyy"): cannot be told apart, no day is above 12',
        'leftOn : text? absent when "00/00/0000"',
        'read it: as date("dd.MM.yyyy")',
        "miles : number? absent when -1 # in all 4; -1 in 1; -1 to 12",
        "status : text # in all 4; 2 different: via workers_status",
        'remote : text # in all 4; read it: as bool("Y", "N")',
        'rate : text? # in all 4; "" in 1; read it: as decimal',
        "level : int? # in 1 of 2; 3",
        '"On Leave" -> on_leave',
    )


@pytest.mark.parametrize("value", ["Ada", "Byron", "Hopper", "ada@example.com", "21001"])
def test_no_personal_value_is_written(tmp_path: Path, value: str) -> None:
    assert value not in inferred(tmp_path, "workers.json", json.dumps(RECORDS * 3), name="hr")


def test_a_value_of_a_person_is_hidden_wherever_it_stands(tmp_path: Path) -> None:
    records = [{"id": n, "fullName": f"Ada {n % 2}", "approval": f"Ada {n % 2}", "state": "open"} for n in range(10)]
    text = inferred(tmp_path, "a.json", json.dumps(records))
    assert "Ada" not in text
    has(text, "state : text", '"open" -> open')


def test_records_in_envelopes(tmp_path: Path) -> None:
    lines = [{"type": "RECORD", "record": {"stream": "s", "emitted_at": 1, "data": record}} for record in RECORDS]
    text = inferred(tmp_path, "lines.jsonl", "\n".join(json.dumps(line) for line in lines))
    has(text, "records $.record.data", "id $.employeeID")
    # What has an id of its own is the record.
    items = [{"type": "a", "id": str(n), "attributes": {"a": n, "b": 1, "c": 2, "d": 3, "e": 4}} for n in range(3)]
    has(inferred(tmp_path, "api.json", json.dumps({"data": items})), "records $.data[*]", "id $.id", "attributes : {")


def test_dates_among_what_is_none(tmp_path: Path) -> None:
    records = [{"id": n, "on": f"2021-03-{n + 10}", "never": "0000-00-00"} for n in range(19)] + [
        {"id": 99, "on": "Bad Date", "never": ""}
    ]
    text = inferred(tmp_path, "a.json", json.dumps(records))
    has(text, "on : text", "read it: as date; 1 of 20 are none", 'never : text? absent when "" or "0000-00-00"')
    assert "Bad" not in text


def test_pages_of_scim(tmp_path: Path) -> None:
    body = {"totalResults": 2, "startIndex": 1, "itemsPerPage": 2, "Resources": [{"id": "a"}, {"id": "b"}]}
    text = inferred(tmp_path, "users.json", json.dumps(body))
    has(text, 'pages offset from 1 sent as "startIndex", total at $.totalResults', "records $.Resources[*]")


def test_tables(tmp_path: Path) -> None:
    text = inferred(
        tmp_path, "users2024.csv", "Nümber;Start;Größe\n1;01.02.2021;1,5\n2;13.02.2021;2,5\n".encode("cp1252")
    )
    has(
        text,
        'files "users*.csv" as csv { delimiter ";"; encoding "windows-1252" }',
        'read it: as date("dd.MM.yyyy")',
        'as decimal("1.234,56")',
    )
    text = inferred(tmp_path, "head.csv", "Employee_ID,Full Name,Salary\n")
    has(text, "id $.Employee_ID # by its name alone: confirm", '"Full Name" : text? pii', "Salary : text? restricted")


def test_markup(tmp_path: Path) -> None:
    text = inferred(
        tmp_path,
        "suppliers.xml",
        '<R xmlns="urn:x"><S id="1"><Limit currency="EUR">1.5</Limit><C><M>a</M></C></S>'
        '<S id="2"><Limit currency="USD">2</Limit><C><M>b</M><M>c</M></C></S></R>',
    )
    has(
        text,
        'as xml { root "R" }',
        "records $.S[*]",
        'id $["@id"]',
        'Limit : text with { "@currency": text }',
        "M : [ text ]",
    )
    # One record says what it can: the way goes to the element.
    has(inferred(tmp_path, "one.xml", "<R><S><No>1</No><N>x</N></S></R>"), "records $.S[*]", "id $.No")


def test_a_recording(tmp_path: Path) -> None:
    def entry(url: str, body: object) -> dict[str, Any]:
        content = {"mimeType": "application/json", "text": json.dumps(body)}
        response = {"status": 200, "headers": [], "content": content}
        return {
            "startedDateTime": "2026-01-01T00:00:00Z",
            "request": {"method": "GET", "url": url},
            "response": response,
        }

    entries = [
        entry(
            "https://api.example.com/v1/workers?limit=2&token=geheim",
            {"data": RECORDS[:2], "next": "https://api.example.com/v1/workers?p=2"},
        ),
        entry("https://api.example.com/v1/workers/17", RECORDS[0]),
        entry("https://api.example.com/v1/sites", [{"id": "a"}, {"id": "b"}]),
    ]
    text = inferred(tmp_path, "rec.har", json.dumps({"log": {"entries": entries}}), name="hr")
    has(
        text,
        'base "https://api.example.com"',
        'get "/v1/workers"',
        "pages next at $.next",
        'get "/v1/sites"',
        "# It was asked with: limit, token",
    )
    has(text, "# Left out: https://api.example.com/v1/workers/…")
    assert "geheim" not in text


OPENAPI = """
openapi: 3.0.3
info: { title: Acme HR, version: "1.0" }
servers: [ { url: "https://api.acme.example/v2/" } ]
components:
  securitySchemes: { key: { type: apiKey, in: header, name: X-Key } }
  schemas:
    Person:
      type: object
      required: [id, status, started]
      properties:
        id: { type: integer }
        status: { type: string, enum: [active, on-leave, no] }
        started: { type: string, format: date, description: "First day\\n} # of work" }
        email: { type: string, nullable: true }
        boss: { $ref: "#/components/schemas/Person" }
        address: { allOf: [ { $ref: "#/components/schemas/Address" }, { type: object, required: [land], properties: { land: { type: string } } } ] }
        updatedAt: { type: string, format: date-time }
        extra: { type: object, additionalProperties: true }
        far: { $ref: "other.yaml#/X" }
    Address: { type: object, properties: { city: { type: string } } }
paths:
  /people:
    get:
      parameters:
        - { name: offset, in: query, schema: { type: integer } }
        - { name: limit, in: query, schema: { type: integer, maximum: 200 } }
      responses:
        "200":
          content:
            application/json:
              schema: { type: object, properties: { items: { type: array, items: { $ref: "#/components/schemas/Person" } }, total: { type: integer } } }
  /people/{id}: { get: { responses: { "200": { description: ok } } } }
  /ping: { get: { responses: { "200": { description: ok } } } }
"""


def test_openapi(tmp_path: Path) -> None:
    text = inferred(tmp_path, "acme.yaml", OPENAPI)
    has(
        text,
        "connector acme_hr {",
        'base "https://api.acme.example/v2"',
        'auth api_key { header "X-Key"; key secret.ACME_HR_KEY }',
        'pages offset sent as "offset", 200 at a time sent as "limit", total at $.total',
        "records $.items[*]",
        "id $.id",
        "changed $.updatedAt",
        "started : date # First day } # of work",
        "email : text? pii",
        "boss : json? # the same again: Person",
        "land : text",
        "updatedAt : datetime?",
        "extra : json?",
        "far : json?",
        "# Left out /people/{id}: its path needs the number of something.",
        '"on-leave" -> on_leave',
        '"no" -> no',
    )
    # 3.1 as JSON, and only what was asked for.
    body = json.loads(json.dumps(_yaml(OPENAPI)))
    body["openapi"] = "3.1.0"
    body["components"]["schemas"]["Person"]["properties"]["email"] = {"type": ["string", "null"]}
    has(inferred(tmp_path, "acme.json", json.dumps(body), resources=("people",)), "email : text? pii")
    with pytest.raises(UsageError, match="no path of the name ping"):
        inferred(tmp_path, "acme.json", json.dumps(body), resources=("ping",))


SCHEMES = """
    key: { type: apiKey, in: query, name: k }
    cookie: { type: apiKey, in: cookie, name: c }
    user: { type: http, scheme: Basic }
    digest: { type: http, scheme: digest }
    person: { type: oauth2, flows: { implicit: { authorizationUrl: "https://a.example" } } }
    consent: { type: oauth2, flows: { authorizationCode: { tokenUrl: "/oauth/token" } } }
    plain: { type: oauth2, flows: { clientCredentials: { tokenUrl: "http://a.example/t" } } }
    machine: { type: oauth2, flows: { clientCredentials: { tokenUrl: "oauth/token" } } }
    connect: { type: openIdConnect, openIdConnectUrl: "https://a.example" }
"""


CLIENT = "client_id env.ACME_HR_CLIENT; client_secret secret.ACME_HR_SECRET"


@pytest.mark.parametrize(
    ("whole", "of_people", "of_teams", "line"),
    [
        # Nothing is said: the first scheme that can be used.
        (None, None, None, 'auth api_key { query "k"; key secret.ACME_HR_KEY }'),
        ([{"user": []}, {"key": []}], None, None, "auth basic { user env.ACME_HR_USER; password secret.ACME_HR_PASSWORD }"),
        # What holds for the operations counts, not what the document says for others.
        ([{"user": []}], [{"person": ["read"]}], [{"person": []}], "auth bearer { token secret.ACME_HR_TOKEN } # a token of OAuth2 (implicit): confirm"),
        ([{"user": []}], [{}], [], "# The description wants no credentials: auth none"),
        # One of the two does without, or can do with another.
        (None, [{"connect": []}], [{}], "auth bearer { token secret.ACME_HR_TOKEN } # a token of OpenID Connect: confirm"),
        (None, [{"user": []}, {"machine": []}], [{"machine": []}], f'auth oauth2 client_credentials {{ token_url "{{base}}/oauth/token"; {CLIENT} }}'),
        (None, [{"user": []}], [{"key": []}], "} # 1 of 2 resources want something else"),
        (None, [{"plain": []}], None, "{ token_url env.ACME_HR_TOKEN_URL; client_id"),
        (None, [{"consent": []}], None, f'auth oauth2 refresh_token {{ token_url "{{base}}/oauth/token"; {CLIENT}; refresh_token secret.ACME_HR_REFRESH }} # with a refresh'),
        # Two at once.
        (None, [{"cookie": [], "user": []}], None, "} # the description wants cookie beside it"),
        (None, [{"cookie": []}, {"digest": []}, {"none such": []}], None, "# auth … The description wants cookie, digest, none such, of which no line can be made"),
        ("odd", [3, {"user": []}], "odd", "auth basic {"),
    ],
)  # fmt: skip
def test_who_may_ask(tmp_path: Path, whole: Any, of_people: Any, of_teams: Any, line: str) -> None:
    body: dict[str, Any] = json.loads(json.dumps(_yaml(OPENAPI)))
    body["components"]["securitySchemes"] = _yaml(SCHEMES)
    people = body["paths"]["/people"]
    body["paths"]["/teams"] = {"get": {**people["get"]}}
    for owner, said in ((body, whole), (people["get"], of_people), (body["paths"]["/teams"]["get"], of_teams)):
        if said is not None:
            owner["security"] = said
    has(inferred(tmp_path, "acme.json", json.dumps(body)), line)


def _yaml(text: str) -> Any:
    from fieldmap.compiler.infer.documents import document

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.yaml"
        path.write_text(text)
        return document(path)


def test_json_schema(tmp_path: Path) -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["sku", "kind"],
        "properties": {
            "sku": {"type": "string"},
            "price": {"type": ["number", "null"]},
            "kind": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            "parts": {"type": "array", "items": {"$ref": "#"}},
            "owner": {
                "anyOf": [
                    {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
                    {"type": "null"},
                ]
            },
        },
    }
    text = inferred(tmp_path, "item.json", json.dumps(schema))
    has(
        text,
        "sku : text",
        "price : number?",
        "kind : json",
        "parts : [ json ]? # the same again: all of it",
        "a : text",
        "}?",
    )


def test_metadata(tmp_path: Path) -> None:
    def document(version: str, properties: str) -> str:
        edm = (
            "http://schemas.microsoft.com/ado/2008/09/edm"
            if version == "1.0"
            else "http://docs.oasis-open.org/odata/ns/edm"
        )
        edmx = (
            "http://schemas.microsoft.com/ado/2007/06/edmx"
            if version == "1.0"
            else "http://docs.oasis-open.org/odata/ns/edmx"
        )
        services = (
            ' m:DataServiceVersion="2.0" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
            if version == "1.0"
            else ""
        )
        return (
            f'<edmx:Edmx Version="{version}" xmlns:edmx="{edmx}"><edmx:DataServices{services}><Schema Namespace="X" xmlns="{edm}">'
            f'<EntityType Name="P"><Key><PropertyRef Name="Id"/><PropertyRef Name="Line"/></Key>{properties}</EntityType>'
            '<EntityContainer Name="C"><EntitySet Name="A_People" EntityType="X.P"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
        )

    properties = (
        '<Property Name="Id" Type="Edm.String" Nullable="false"/><Property Name="Line" Type="Edm.Int32" Nullable="false"/>'
        '<Property Name="Amount" Type="Edm.Decimal" Precision="9" Scale="3"/><Property Name="ModifiedAt" Type="Edm.DateTimeOffset"/>'
    )
    several = f"{properties}<Property Name='Mail' Type='Edm.String'/><Property Name='Born' Type='Edm.DateTime'/>"
    text = inferred(tmp_path, "second.xml", document("1.0", several), folder=tmp_path)
    has(
        text,
        "connector second is odata2 {",
        'metadata "second.xml"',
        "# Has Id, Line, Amount, ModifiedAt, Mail, Born.",
        "resource a_people is A_People {",
        "changed $.ModifiedAt",
        # What the metadata says is not said again; who is meant by it, it does not say.
        "Mail : text? pii",
        "Born : datetime(odata)? pii",
    )
    assert "Amount :" not in text
    assert "records" not in text
    text = inferred(
        tmp_path, "fourth.edmx", document("4.0", several), resources=("A_People",), folder=tmp_path / "maps"
    )
    has(
        text,
        "is odata4 {",
        'metadata "fourth.edmx" # put fourth.edmx beside this file, or fetch it: fieldmap metadata fourth',
        "Born : json?",
    )
    # Nothing to add, and a name that the language has no bare word for.
    bare = document("4.0", properties.replace("ModifiedAt", "At")).replace("A_People", "Größen")
    has(inferred(tmp_path, "bare.xml", bare, folder=tmp_path), 'resource gr is "Größen"')


def test_metadata_of_complex_types_and_enumerations(tmp_path: Path) -> None:
    edm, edmx = "http://docs.oasis-open.org/odata/ns/edm", "http://docs.oasis-open.org/odata/ns/edmx"
    document = (
        f'<edmx:Edmx Version="4.0" xmlns:edmx="{edmx}"><edmx:DataServices><Schema Namespace="X" xmlns="{edm}">'
        '<EnumType Name="Rank"><Member Name="Captain"/><Member Name="Mate"/></EnumType>'
        '<ComplexType Name="Home"><Property Name="Street" Type="Edm.String"/><Property Name="Floor" Type="Edm.Int16"/></ComplexType>'
        '<EntityType Name="P"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Guid" Nullable="false"/>'
        '<Property Name="Rank" Type="X.Rank"/><Property Name="Homes" Type="Collection(X.Home)"/><Property Name="At" Type="X.Home" Nullable="false"/>'
        '</EntityType><EntityContainer Name="C"><EntitySet Name="People" EntityType="X.P"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    )
    text = inferred(tmp_path, "people.xml", document, folder=tmp_path)
    has(
        text,
        "Rank : text? # via people_rank",
        "Homes : [ {",
        "Street : text? pii",
        "} ]",
        "At : {",
        '"Captain" -> captain',
    )
    assert "Floor" not in text
    # As it is read without these lines: what they add is no other type.
    (tmp_path / "checked" / "y.map").write_text(
        'use "x.map"\nentity P { key id : uuid; street : text? pii; floor : int?; rank : enum { captain, mate }? }\n'
        "map people.people to P { id = $.Id; street = $.At.Street; floor = $.At.Floor; rank = $.Rank via people_rank }\n"
    )
    assert [one.message for one in check(tmp_path / "checked", [tmp_path / "checked" / "y.map"]).diagnostics] == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", "[]", "nothing to infer from|no records"),
        ("a.json", "[1, 2]", "no records that are objects"),
        ("a.json", '[{"a": [1]}]', "none can be their id"),
        ("a.json", '{"swagger": "2.0"}', "Swagger 2.0"),
        ("a.yaml", "a: [", "a.yaml:.*this is not YAML"),
        ("a.yaml", "- 1", "no description"),
        ("a.yaml", "openapi: 3.0.0", "no path whose answer"),
        ("a.yaml", "a: &a [*a, *a]\nopenapi: 3.1.0\npaths: *a", "no path whose answer"),
        ("a.bin", "x", "does not tell what it is"),
        ("a.csv", "a,a\n", "names .a. twice"),
        ("a.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "document type"),
        ("a.edmx", "<a/>", "no .metadata document"),
        ("a.json", json.dumps({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {
            "type": "array", "items": {"allOf": [{"$ref": "#/x"}] * 9}}}}}}}}}, "x": {"allOf": [{"$ref": "#/x"}] * 9}}), "more than 100,000 members"),
        ("a.har", '{"log": {"entries": []}}', "no response with a JSON body"),
    ],
)  # fmt: skip
def test_what_cannot_be_inferred_from(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        inferred(tmp_path, name, content)
    assert "\n" not in str(raised.value)


def test_schemas_without_end(tmp_path: Path) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
    for _ in range(400):
        schema = {"type": "object", "properties": {"id": {"type": "string"}, "b": schema}}
    has(
        inferred(tmp_path, "deep.json", json.dumps({"$schema": "x", **schema})),
        "b : json? # nested too deeply to look into",
    )


def test_a_wide_record_is_told_apart_by_what_says_so(tmp_path: Path) -> None:
    records = [{**{f"m{number}": f"{number} {row}" for number in range(400)}, "rec id": row} for row in range(3)]
    text = inferred(tmp_path, "wide.json", json.dumps(records))
    has(text, "# Records have more than 300 members; the first are here.", "id $.m0 # confirm")


def test_a_header_of_very_many_columns(tmp_path: Path) -> None:
    columns = [f"column_{number}" for number in range(4000)]
    columns[3990] = "worker_id"
    start = time.process_time()
    text = inferred(tmp_path, "workers.csv", ",".join(columns) + "\n")
    has(text, "id $.worker_id # by its name alone: confirm", "worker_id : text", "column_3999 : text?")
    many = ",".join(f"column_{number}" for number in range(20_000))
    with pytest.raises(
        UsageError, match="more than the 256 KB that a file may have; hand over fewer members or columns"
    ):
        inferred(tmp_path, "workers.csv", f"{many}\n")
    # A name that comes twice is found in as many steps as there are columns.
    with pytest.raises(UsageError, match="column_7"):
        inferred(tmp_path, "workers.csv", f"{many},column_7\n{many},7\n")
    assert time.process_time() - start < 15


def test_a_description_of_many_members(tmp_path: Path) -> None:
    properties = {f"m{number}": {"type": "string"} for number in range(60)} | {"person_id": {"type": "string"}}
    schema = {"$schema": "x", "type": "object", "properties": properties}
    has(inferred(tmp_path, "person.json", json.dumps(schema)), "id $.person_id # by its name: confirm")


def test_no_name_of_a_member_hides_in_a_path(tmp_path: Path) -> None:
    records = [{"\u202eid\u2028": row, "x": 1} for row in range(3)]
    text = inferred(tmp_path, "a.json", json.dumps({"d\u202e": records}))
    has(text, 'records $["d\\u202e"][*]', 'id $["\\u202eid\\u2028"]')
    assert all(char.isprintable() or char == "\n" for char in text)


def test_evidence_does_not_grow_with_the_records() -> None:
    seen = Seen()
    for number in range(5_000):
        seen.add({"a": f"x{number}", f"m{number}": number, "deep": [[number]]})
    assert len(seen.members) <= 300
    assert len(seen.members["a"].values) == MOST_VALUES
    assert seen.members["a"].many
    assert seen.more_members > 0


# ------------------------------------------------------------------------------------------------------ any samples

NAMES = st.one_of(
    st.sampled_from(
        [
            "id",
            "in",
            "default",
            "a b",
            "",
            "x\ny",
            '"',
            "\\",
            "# no",
            "}",
            "{h}",
            "@at",
            "é",
            "\u202e",
            "case",
            "name",
            "Größe",
            "`",
        ]
    ),
    st.text(max_size=8).filter(lambda name: "\ud800" not in name),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["", "N/A", "00/00/0000", "9999-12-31", "2021-03-01", "03/01/2021", "a\n} # b", '"', "Active", "X", "1.5"]
    ),
    st.text(max_size=12),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.sampled_from([-1, 5, 1.5]), TEXTS),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(NAMES, below, max_size=4)),
    max_leaves=8,
)
CORPORA = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=CORPORA, wrapped=st.booleans())
def test_the_shape_accepts_all_its_samples(records: list[dict[str, Any]], wrapped: bool) -> None:
    samples = [{**record, "key no": f"k{number}"} for number, record in enumerate(records)]
    body = json.dumps({"data": samples, "next": "x"} if wrapped else samples)
    with tempfile.TemporaryDirectory() as folder:
        text = inferred(Path(folder), "r.json", body)
        checked = project(Path(folder) / "again", x=text)
    [resource] = checked.context.symbols.connectors["source"].resources
    assert resource.shape is not None
    shape = shapes.build(resource.shape, checked.context.report, ())
    decoded: Any = json_body(body.encode())
    for record in decoded["data"] if wrapped else decoded:
        accept(shape, record, text)


def accept(node: shapes.ShapeNode, value: Any, text: str) -> None:
    """Whether a shape says of a value what it is."""
    match node:
        case shapes.ObjectShape():
            assert isinstance(value, dict), (value, text)
            for name, member in node.members.items():
                found = value.get(name)
                if found is None or any(_is(found, sentinel) for sentinel in member.sentinels):
                    assert member.optional, (name, found, text)
                else:
                    accept(member.node, found, text)
        case shapes.ListShape():
            assert isinstance(value, list), (value, text)
            for element in value:
                if element is not None:
                    accept(node.element, element, text)
        case shapes.ScalarShape(type=type_):
            match type_:
                case ir.TextType():
                    assert isinstance(value, str), (value, text)
                case ir.BoolType():
                    assert isinstance(value, bool), (value, text)
                case ir.IntType():
                    assert isinstance(value, int), (value, text)
                    assert not isinstance(value, bool)
                    assert -(2**63) <= value < 2**63
                case ir.JsonType():
                    pass
                case _:
                    assert not isinstance(value, str | bool | list | dict), (value, type_, text)


def _is(value: Any, sentinel: ir.Constant) -> bool:
    match sentinel:
        case ir.TextConstant(value=text):
            return isinstance(value, str) and value == text
        case ir.NumberConstant(value=number):
            return not isinstance(value, str | bool) and str(value) == number
        case _:
            return False
