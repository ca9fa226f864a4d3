"""Expressions of UCUM that no table lists: the runtime's reader and the compiler's, written apart, must agree on every text."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmap.compiler.units import kinds, ucum
from fieldmap.runtime.values.ucum import Ucum

TABLE = frozenset(ucum.codes())
ATOMS = "\n".join(f"{code}\t{row}" for code, row in ucum.sizes().items())
COMMON = (
    "m",
    "kg",
    "mg",
    "umol",
    "L",
    "dL",
    "min",
    "s",
    "[lb_av]",
    "[in_i]",
    "10*3",
    "10^-6",
    "By",
    "KiBy",
    "{cells}",
    "1",
    "7",
    "%",
    "K",
    "Cel",
    "[iU]",
)
ALL = st.sampled_from(sorted(ucum.atoms()))
PREFIXED = st.builds(lambda prefix, atom: prefix + atom, st.sampled_from(["k", "da", "Ki"]), ALL)
SYMBOLS = st.one_of(st.sampled_from(COMMON), ALL, PREFIXED)
POWERS = st.sampled_from(["", "", "", "2", "3", "-1", "+2", "0", "41", "{wet}"])
PARTS = st.builds(lambda symbol, power: symbol + power, SYMBOLS, POWERS)
EXPRESSIONS = st.recursive(
    PARTS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).flatmap(
            lambda parts: st.lists(st.sampled_from("./"), min_size=len(parts), max_size=len(parts)).map(
                lambda signs: "".join(a + b for a, b in zip(parts, signs, strict=True))[:-1]
            )
        ),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"/{one}"),
    ),
    max_leaves=6,
)
ANYTHING = st.text(alphabet="mkgLs[]{}()./*^+-0123456789% \u00b5", max_size=12)


def both(code: str) -> None:
    found = ucum.read(code)
    if code in TABLE:
        return  # stands in the table, and is not asked for here
    if found is None:
        assert Ucum(ATOMS, {"meter": 1}, Fraction(1)).row(code) is None
    elif found.unit is None:
        assert Ucum(ATOMS, {"meter": 1}, Fraction(1)).row(code) == "size"
    else:
        powers = kinds.powers(found.unit.dimension)
        assert Ucum(ATOMS, powers, Fraction(3)).row(code) == Fraction(found.unit.factor) / 3
        assert Ucum(ATOMS, {**powers, "other": 1}, Fraction(1)).row(code) == "dimension"


@settings(max_examples=400, deadline=None)
@given(st.one_of(EXPRESSIONS, EXPRESSIONS, EXPRESSIONS, ANYTHING))
def test_both_readers_agree(code: str) -> None:
    both(code)


@pytest.mark.parametrize(
    ("code", "powers", "factor"),
    [
        ("umol/(min.L)", {"mole": 1, "second": -1, "meter": -3}, Fraction(1, 60_000)),
        ("kg.m2.s-2.K-1", {"kilogram": 1, "meter": 2, "second": -2, "kelvin": -1}, Fraction(1)),
        ("[lb_av].[ft_i]/s2", {"kilogram": 1, "meter": 1, "second": -2}, Fraction("0.45359237") * Fraction("0.3048")),
        ("10*3.{cells}/uL", {"meter": -3}, Fraction(10**12)),
    ],
)
def test_sizes_that_were_reckoned_by_hand(code: str, powers: dict[str, int], factor: Fraction) -> None:
    assert Ucum(ATOMS, powers, Fraction(1)).row(code) == factor


def test_hostile_codes_cost_nothing() -> None:
    dice = random.Random(1)  # noqa: S311
    read = Ucum(ATOMS, {"meter": 1}, Fraction(1))
    started = time.process_time()
    for code in (
        "m99999999",
        "10*99999999",
        "(" * 5_000 + "m",
        "9" * 5_000,
        "m/0",
        "((((m",
        "m" * 10**6,
        "10*40." * 16 + "m",
    ):
        assert not isinstance(read.row(code), Fraction) or code.startswith("10*40")
    for _ in range(3_000):
        read.row("".join(dice.choices("mks./()[]{}10*", k=60)))
    assert len(read._known) <= 1_000
    assert time.process_time() - started < 20
