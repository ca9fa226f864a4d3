"""Much to map: 60 fields with units, dates and texts put together, by none, one and two processes beside the loader.

python -m tests.bench.wide FOLDER build RECORDS | WORKERS URL
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tests.bench.bench import PAGE

from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive, Received
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server
from fieldmap.runtime.store.reconcile import prepare

PARTS = 15  # of four fields each


def text() -> str:
    fields = lines = shape = ""
    for n in range(PARTS):
        fields += f"  title{n} : text?\n  mass{n} : decimal(12, 6) in kg?\n  day{n} : date?\n  reach{n} : decimal(9, 2) in km?\n"
        shape += (
            f"      a{n} : text?\n      b{n} : text?\n      m{n} : number?\n      d{n} : text?\n      r{n} : text?\n"
        )
        lines += f'  title{n} = "{{$.a{n}!}} ({{$.b{n}!}})"\n  mass{n} = $.m{n} in lb\n'
        lines += f'  day{n} = $.d{n} as date("dd.MM.yyyy")\n  reach{n} = $.r{n} as quantity(bare in mi)\n'
    return (
        f"entity Part {{\n  key no : text\n{fields}}}\n"
        f'connector erp {{\n  base env.ERP\n  resource parts {{\n    get "/parts"\n    records $.data[*]\n    id $.no\n    changed unknown\n'
        f"    shape {{\n      no : text\n{shape}    }}\n  }}\n}}\nmap erp.parts to Part {{\n  no = $.no\n{lines}}}\n"
    )


def record(number: int, dice: random.Random) -> dict[str, object]:
    made: dict[str, object] = {"no": f"P{number:07d}"}
    for n in range(PARTS):
        made |= {
            f"a{n}": f"part {dice.randrange(10**6)}",
            f"b{n}": f"lot {dice.randrange(10**6)}",
            f"m{n}": dice.randrange(10**7) / 1000,
            f"d{n}": f"{dice.randrange(1, 29):02d}.{dice.randrange(1, 13):02d}.{dice.randrange(1950, 2026)}",
            f"r{n}": f"{dice.randrange(10**5)} {dice.choice(('mi', 'km', 'ft'))}",
        }
    return made


def build(folder: Path, records: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all.map").write_text(text(), "utf-8")
    bundles.write(compile_project(check(folder, [folder / "all.map"])), folder / "bundle")
    dice = random.Random(3)  # noqa: S311
    with Archive(folder / "archive", Ports.real()).writer("erp.parts") as writer:
        for page in range(records // PAGE // 4):
            parts = [record(page * PAGE + n, dice) for n in range(PAGE)]
            writer.append(
                Received(
                    resource="erp.parts",
                    url="https://erp.example.com/parts",
                    fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
                    status=200,
                    headers={},
                    body=msgspec.json.encode({"data": parts}),
                    format="json",
                    request=f"{page}",
                    sweep="initial",
                    page=page + 1,
                )
            )


def load(folder: Path, workers: int, url: str) -> dict[str, float]:
    bundle, database = bundles.read(folder / "bundle"), Server(url)
    prepare(database, bundle, replay=True)
    info = bundle.catalogue.maps[0]
    with database.connect() as connection:
        row = connection.execute(
            "INSERT INTO fieldmap.runs (command, bundle) VALUES ('bench', '') RETURNING id"
        ).fetchone()
    begin = time.perf_counter()
    with Loader(database, bundle, info, row[0] if row else 0, workers=workers) as loader:
        loader.load(Archive(folder / "archive", Ports.real()).read(info.resource, None))
        loader.finish()
        claimed = loader.loaded.counts.claimed
    return {"whole": time.perf_counter() - begin, "claimed": float(claimed)}


def main() -> None:
    folder, what, last = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if what == "build":
        build(folder, int(last))
    else:
        print(json.dumps(load(folder, int(what), last)))


if __name__ == "__main__":
    main()
