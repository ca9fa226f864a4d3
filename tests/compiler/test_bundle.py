"""The bundle: the same bytes everywhere, verified before use, versions of meaning."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime import bundle
from fieldmap.runtime.errors import BundleError

COMPILE = """
import sys
from pathlib import Path
from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime import bundle
root = Path(sys.argv[1])
bundle.write(compile_project(check(root, sorted(root.glob('*.map'), reverse=len(sys.argv) > 3))), Path(sys.argv[2]))
"""


def shipped(folder: Path) -> Path:
    """A copy of the shipped mappings."""
    folder.mkdir(parents=True)
    for item in resources.files("fieldmap.mappings").iterdir():
        if item.name.endswith(".map"):
            (folder / item.name).write_bytes(item.read_bytes())
    return folder


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def test_the_same_bytes_in_other_folders_locales_zones_and_hash_seeds(tmp_path: Path) -> None:
    seen = set()
    for number, (seed, locale, zone) in enumerate(
        (("0", "C", "UTC"), ("1", "tr_TR.UTF-8", "Asia/Kolkata"), ("77", "C.UTF-8", "America/St_Johns"))
    ):
        source = shipped(tmp_path / f"a folder {number}" / "maps")
        environ = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone}
        target = tmp_path / f"out{number}"
        subprocess.run(
            [sys.executable, *(["-O"] if number == 1 else []), "-c", COMPILE, str(source), str(target)],
            env=environ,
            check=True,
            timeout=120,
        )
        seen.add(digest(target))
    assert len(seen) == 1


@pytest.fixture
def made(tmp_path: Path) -> Path:
    source = shipped(tmp_path / "maps")
    bundle.write(compile_project(check(source, sorted(source.glob("*.map")))), tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_bundle_reads_back(made: Path) -> None:
    read = bundle.read(made)
    assert {item.name for item in read.catalogue.entities} >= {"Worker", "Party", "Address"}
    assert read.transform("bamboohr_users__worker").MAP_ID == "bamboohr_users__worker"


def test_writing_again_leaves_no_stale_part(made: Path) -> None:
    (made / "transform" / "gone__worker.py").write_text("raise SystemExit")
    bundle.write(bundle.read(made), made)
    assert not (made / "transform" / "gone__worker.py").exists()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "There is no bundle"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "does not read"),
        (lambda folder: (folder / "ir.json").unlink(), "lacks its part ir.json"),
        (lambda folder: (folder / "transform/bamboohr_users__worker.py").write_text("import os"), "was altered"),
        (
            lambda folder: replace(folder / "manifest.json", b'"format": 2', b'"format": 3'),
            "format 3, and this runtime reads format 2",
        ),
        (lambda folder: replace(folder / "manifest.json", b'"ir.json"', b'"../../x.json"'), "names a part"),
    ],
)
def test_a_spoilt_bundle_is_refused_in_one_sentence(made: Path, spoil: object, says: str) -> None:
    assert callable(spoil)
    spoil(made)
    with pytest.raises(BundleError, match=says) as caught:
        bundle.read(made)
    assert "\n" not in str(caught.value)


def replace(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def versions(folder: Path, text: str) -> dict[str, str]:
    folder.mkdir(parents=True)
    (folder / "a.map").write_text(text, "utf-8")
    checked = check(folder, [folder / "a.map"])
    assert checked.ok, checked.diagnostics
    return {item.id: item.version for item in checked.versioned.maps}


BASE = """
entity A { key k : text
  v : decimal(8, 2) in km?
  d : datetime? }
connector c { base env.X
  resource r { get "/r"
    id $.k } }
codes l { "A" -> "x" }
map c.r to A { k = $.k
  v = $.v in mi
}
"""


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("v = $.v in mi", "v   =   $.v   in mi   # why", True),
        ("v = $.v in mi", 'v = $["v"] in mi', True),
        ("v = $.v in mi", "v = $.v in km", False),
        ("v = $.v in mi", "v = $.w in mi", False),
        ("v = $.v in mi", "v = $.v in mi if invalid reject", False),
        ("decimal(8, 2)", "decimal(8, 1)", False),
        ('"A" -> "x"', '"A" -> "y"', True),
        ("id $.k", "id $.key", False),
        ("env.X", "env.Y", True),
    ],
)
def test_a_version_is_the_hash_of_the_meaning(tmp_path: Path, old: str, new: str, same: bool) -> None:
    before = versions(tmp_path / "a", BASE)
    after = versions(tmp_path / "b", BASE.replace(old, new))
    assert old in BASE
    assert (before == after) is same
