"""From an OpenAPI description that nobody here wrote to a connector, and to rows from a mock of it that answers as the description promises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.peers.prism import description
from tests.peers.project import Project
from tests.support import rows

from fieldmap.runtime.store.database import Server

if TYPE_CHECKING:
    from tests.peers.prism import Prism

TRAIN = "@readme/oas-examples/3.1/json/train-travel.json"
PETSTORE = "@readme/oas-examples/3.0/json/petstore.json"
GALAXY = "@scalar/galaxy/dist/latest.yaml"
NEEDED = "# The source wants these parameters; say them in query { … }: "


@pytest.fixture
def project(
    tmp_path: Path, database: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Project:
    return Project(tmp_path, database, monkeypatch, capsys)


def drafted(project: Project, path: Path, url: str) -> str:
    """The map that is inferred, with the mock's address for that of the description, and a token of OAuth2 got elsewhere."""
    project.run("infer", str(path), "-o", "api.map")
    project.run("check")
    text = (project.folder / "api.map").read_text()
    text = re.sub(r"^  base +\S+", "  base env.API_URL", text, flags=re.MULTILINE)
    text = re.sub(r"^  auth oauth2 .*$", "  auth bearer { token secret.API_TOKEN }", text, flags=re.MULTILINE)
    for name in ("API_TOKEN", "API_KEY"):
        project.setenv(name, "canary-of-the-test")
    project.setenv("API_URL", url)
    (project.folder / "api.map").write_text(text)
    return text


def edited(project: Project, before: str, after: str) -> None:
    text = (project.folder / "api.map").read_text()
    assert before in text
    (project.folder / "api.map").write_text(text.replace(before, after))


@pytest.mark.parametrize(
    ("name", "resource", "shown"),
    [
        (TRAIN, "api.stations", "Berlin Hauptbahnhof"),
        (TRAIN, "api.bookings", "John Doe"),
        (GALAXY, "api.planets", "Mars"),
        (PETSTORE, "api.find_by_status", "doggie"),
    ],
)
def test_one_page(project: Project, prism: Prism, name: str, resource: str, shown: str) -> None:
    path = description(name)
    if NEEDED + "status" in drafted(project, path, prism(path)):
        # The mock refuses what lacks a parameter, and the message says so.
        assert "answered 400; check the resource's path, query and headers" in project.run(
            "fetch", resource, "--limit", "1", code=1
        )
        edited(project, NEEDED + "status", 'query { status: "available" }')
    assert shown in project.run("fetch", resource, "--limit", "1", "--reveal")


PETS = """
entity Pet {
  key id   : int
  name     : text
  status   : enum { available, pending, sold }?
  category : text?
  photos   : list of text?
}
map api.find_by_status to Pet {
  id       = $.id
  name     = $.name
  status   = $.status via find_by_status_status
  category = $.category.name
  photos   = $.photoUrls[*]
}
"""


def test_any_answer_that_the_description_promises_becomes_rows(project: Project, prism: Prism) -> None:
    path = description(PETSTORE)
    drafted(project, path, prism(path, dynamic=True))
    edited(project, NEEDED + "status", 'query { status: "available" }')
    (project.folder / "pets.map").write_text('use "api.map"\n' + PETS)
    for _ in range(8):
        project.run("sync", "api.find_by_status", "--full")
    pages = [json.loads(page.body) for page in project.pages("api.find_by_status")]
    wanted = {one["id"]: one for page in pages for one in page}
    assert len(pages) == 8
    assert wanted
    found = rows(project.database, "SELECT id, name, status, category, photos FROM canonical.pet")
    assert {row[0]: row[1:] for row in found} == {key: pet(one) for key, one in wanted.items()}
    assert "No values are held" in project.run("dlq", "held")
    assert project.run("dlq", "warnings").startswith("There are no warnings")


def pet(one: dict[str, Any]) -> tuple[Any, ...]:
    return (one["name"], one.get("status"), one.get("category", {}).get("name"), one["photoUrls"])


CREW = """
entity Member {
  key id : text
  name   : text? pii
  rank   : enum { captain, first_mate, hand }
  joined : date
  weight : decimal(6, 2) in kg?
}
map api.members to Member {
  id     = $.memberId
  name   = $.name
  rank   = $.rank via members_rank
  joined = $.joined
  weight = $.weight_kg in kg
}
"""


def test_pages_to_their_end(project: Project, prism: Prism) -> None:
    path = Path(__file__).parent / "crew.yaml"
    text = drafted(project, path, prism(path))
    assert 'pages   offset sent as "skip", 50 at a time sent as "limit", total at $.total' in text
    assert 'auth api_key { header "X-Crew-Key"; key secret.API_KEY }' in text
    edited(project, NEEDED + "ship", 'query { ship: "Pequod" }')
    (project.folder / "crew_member.map").write_text(f'use "api.map"\n{CREW}')
    for _ in range(2):
        project.run("sync")
        found = rows(
            project.database, "SELECT id, name, rank, joined::text, weight::text FROM canonical.member ORDER BY id"
        )
        assert found == [
            ("M1", "Ada Byron", "captain", "2021-03-01", "61.50"),
            ("M2", None, "first_mate", "2022-04-01", None),
            ("M3", None, "hand", "2023-05-01", "80.00"),
        ]
    # All came with one request, since the total says so.
    assert [page.url.partition("?")[2] for page in project.pages("api.members")] == ["ship=Pequod&limit=50&skip=0"] * 2
    for one in project.folder.rglob("*"):
        assert not one.is_file() or b"canary-of-the-test" not in one.read_bytes()


@pytest.mark.parametrize(
    ("name", "resource", "said"),
    [
        # The mock gives the example of a page whatever is asked for: the same one again, and a next link to where the real API would be.
        (GALAXY, "api.planets", "was stopped after one page of api.planets: the source gave the same page again"),
        (TRAIN, "api.stations", "answered with a next page of api.stations outside http://127.0.0.1"),
    ],
)  # fmt: skip
def test_a_mock_that_goes_round_or_elsewhere_is_left(
    project: Project, prism: Prism, name: str, resource: str, said: str
) -> None:
    path = description(name)
    drafted(project, path, prism(path))
    (project.folder / "one.map").write_text(
        f'use "api.map"\nentity One {{ key id : text }}\nmap {resource} to One {{ id = "{{$.id}}" }}\n'
    )
    assert said in project.run("sync", resource, code=1)
    assert len(project.pages(resource)) == 1
