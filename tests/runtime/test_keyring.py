"""Secrets of the system's keyring: a backend that keeps them in a file stands for the one of a desktop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.plan import Composed, EnvRef, SecretRef
from fieldmap.runtime.secrets import Secret, resolve_all

WANTED = {"FIELDMAP_KEYRING": "1"}
TOKEN = {"auth token": Composed((SecretRef("HR_TOKEN"),))}


class FileKeyring(KeyringBackend):
    priority = 1  # pyright: ignore[reportAssignmentType]

    def __init__(self, path: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path
        self.locked = False
        self.asked: list[tuple[str, str]] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.append((service, username))
        if self.locked:
            raise KeyringLocked("the collection s3cret-of-mine is locked")
        found: dict[str, str] = json.loads(self.path.read_text()) if self.path.exists() else {}
        return found.get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        found = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.path.write_text(json.dumps({**found, f"{service}/{username}": password}))


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[FileKeyring]:
    before = keyring.get_keyring()
    made = FileKeyring(tmp_path / "ring.json")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_a_secret_of_the_keyring(ring: FileKeyring) -> None:
    keyring.set_password("fieldmap", "HR_TOKEN", "from the ring")
    assert resolve_all("hr", TOKEN, WANTED) == {"auth token": Secret("from the ring")}
    assert set(ring.asked) == {("fieldmap", "HR_TOKEN")}


def test_what_the_run_is_given_comes_first(ring: FileKeyring, tmp_path: Path) -> None:
    keyring.set_password("fieldmap", "HR_TOKEN", "from the ring")
    (tmp_path / "token").write_text("from a file\n")
    assert resolve_all("hr", TOKEN, {**WANTED, "HR_TOKEN": "x"})["auth token"] == Secret("x")
    named = {**WANTED, "HR_TOKEN_FILE": str(tmp_path / "token")}
    assert resolve_all("hr", TOKEN, named)["auth token"] == Secret("from a file")
    assert ring.asked == []


@pytest.mark.parametrize("said", [{}, {"FIELDMAP_KEYRING": "0"}, {"FIELDMAP_KEYRING": "no"}])
def test_nobody_asks_it_unless_told_to(ring: FileKeyring, said: dict[str, str]) -> None:
    keyring.set_password("fieldmap", "HR_TOKEN", "from the ring")
    with pytest.raises(UsageError, match="needs the environment variable HR_TOKEN") as caught:
        resolve_all("hr", TOKEN, said)
    assert "keyring" not in str(caught.value)
    assert ring.asked == []


def test_a_variable_that_is_no_secret_is_not_looked_up(ring: FileKeyring) -> None:
    keyring.set_password("fieldmap", "HR_URL", "https://elsewhere.example.com")
    with pytest.raises(UsageError, match="needs the environment variable HR_URL") as caught:
        resolve_all("hr", {"base": Composed((EnvRef("HR_URL"),))}, WANTED)
    assert "keyring" not in str(caught.value)
    assert ring.asked == []


def test_what_it_lacks_is_told_with_how_it_gets_there(ring: FileKeyring) -> None:
    with pytest.raises(UsageError, match=r"or put a secret into the keyring: keyring set fieldmap HR_TOKEN$"):
        resolve_all("hr", TOKEN, WANTED)


def test_a_locked_keyring_is_one_sentence_without_its_words(ring: FileKeyring) -> None:
    ring.locked = True
    with pytest.raises(UsageError, match=r"did not give the secret HR_TOKEN \(KeyringLocked\); unlock it") as caught:
        resolve_all("hr", TOKEN, WANTED)
    assert "s3cret" not in str(caught.value)


def test_a_value_that_is_neither_yes_nor_no() -> None:
    with pytest.raises(UsageError, match=r"FIELDMAP_KEYRING is 1, .* or 0"):
        resolve_all("hr", TOKEN, {"FIELDMAP_KEYRING": "gnome"})


_SCRIPT = """
import os, sys
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.plan import Composed, SecretRef
from fieldmap.runtime.secrets import resolve_all
assert "keyring" not in sys.modules
try:
    resolve_all("hr", {"auth token": Composed((SecretRef("HR_TOKEN"),))}, os.environ)
except UsageError as error:
    print(error)
"""


def test_a_machine_without_a_keyring(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={**WANTED, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == (
        "FIELDMAP_KEYRING asks for the system's keyring, and this machine has none that can be used; set the variable HR_TOKEN,"
        " or name a file with the secret in HR_TOKEN_FILE\n"
    )
