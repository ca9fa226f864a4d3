"""How well mistakes are told: files with one mistake each, and files with twenty. `python -m tests.bench.recovery [--show]`."""

from __future__ import annotations

import sys

from tests.dsl.planted import Severals, Singles, planted, several, texts


def main() -> None:
    good = texts()
    singles = Singles()
    for text in good:
        for broken in planted(text):
            singles.add(broken)
    total = singles.counts.total()
    print(f"one mistake:     {total} files, " + ", ".join(f"{n} {how}" for how, n in singles.counts.most_common()))
    severals = Severals()
    for seed in range(200):
        severals.add(good, seed)
    print(
        f"twenty mistakes: {severals.files} files, {severals.perfect} perfect; of {severals.mistakes} mistakes "
        f"{severals.missed} missed ({severals.missed / severals.mistakes:.2%}), "
        f"{severals.surplus} follow-ons ({severals.surplus / severals.mistakes:.2%})"
    )
    if "--show" in sys.argv:
        for one, lines in singles.inexact:
            print(f"--- {one.name} {one.kind}: line {one.line}, told at {lines}")
            print("\n".join(one.text.split("\n")[max(one.line - 3, 0) : one.line + 2]))
        for seed, missed, surplus in severals.imperfect:
            rows = several(good, seed)[0].split("\n")
            print(f"--- seed {seed}: missed {missed}, surplus {surplus}")
            for line in sorted({*missed, *surplus}):
                print("\n".join(f"    {number + 1:3} {rows[number]}" for number in range(max(line - 2, 0), line)))


if __name__ == "__main__":
    main()
