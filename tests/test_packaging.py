"""The package's list of subpackages, its lean runtime, and what lies at the top level."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOTS = {"dsl": "dsl", "compiler": "compiler", "runtime": "runtime"}


def test_every_subpackage_is_listed() -> None:
    """setuptools takes only what is listed: a forgotten subpackage is missing from the wheel and nowhere else."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"])
    found = {"fieldmap", "fieldmap.codes", "fieldmap.grammar", "fieldmap.mappings"}
    for root in ROOTS:
        for init in (ROOT / root).rglob("__init__.py"):
            found.add(".".join(init.parent.relative_to(ROOT / root).parts))
    assert listed == found


def test_namespace_package_has_no_init() -> None:
    assert [root for root in ROOTS if (ROOT / root / "fieldmap" / "__init__.py").exists()] == []


@pytest.mark.parametrize(
    "module", ["fieldmap.runtime.run", "fieldmap.runtime.load.loader", "fieldmap.runtime.acquire.importer"]
)
def test_the_runtime_is_lean(module: str) -> None:
    """In a process of its own: the runtime, whole, brings in none of the compiler's libraries."""
    heavy = ["lark", "pint", "jinja2", "jsonpath_ng", "hypothesis", "fieldmap.dsl", "fieldmap.compiler", "fieldmap.cli"]
    code = (
        f"import sys, pkgutil, importlib, {module}\n"
        "import fieldmap.runtime as r\n"
        "for found in pkgutil.walk_packages(r.__path__, 'fieldmap.runtime.'): importlib.import_module(found.name)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_runtime_runs_a_bundle_alone(tmp_path: Path) -> None:
    """Nothing but files crosses: a bundle made here runs in a process that cannot import the compiler or its libraries."""
    code = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('lark', 'pint', 'jinja2', 'jsonpath_ng', 'hypothesis') or name.startswith(('fieldmap.dsl', 'fieldmap.compiler')):
            raise ImportError('refused: ' + name)
sys.meta_path.insert(0, Refuse())
from pathlib import Path
from fieldmap.runtime import bundle
made = bundle.read(Path(sys.argv[1]))
for item in made.catalogue.maps:
    module = made.transform(item.id)
    print(type(module.transform({'id': 'x', 'name': {'first': 'A', 'last': 'B'}, 'state': 'A', 'updated': '2026-01-01T00:00:00Z'})).__name__)
for name in made.catalogue.connectors:
    print(made.connector(name).name)
"""
    from importlib import resources

    from fieldmap.compiler.project import check, compile_project
    from fieldmap.runtime import bundle

    with resources.as_file(resources.files("fieldmap.mappings").joinpath("starter")) as starter:
        checked = check(starter, sorted(starter.glob("*.map")))
    bundle.write(compile_project(checked), tmp_path / "bundle")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bundle")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Claimed", "Dead", "payroll", "staff"]
