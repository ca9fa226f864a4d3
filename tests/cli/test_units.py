"""`fieldmap units`: exact conversions, what a unit is, searching, and codes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fieldmap.cli.main import run


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(["units", *words]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return " ".join((captured.out + captured.err).split())


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(["units", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("12 lb kg", "12 lb = 5.44310844 kg"),
        ("12 lb kg", "1 lb = 0.45359237 kg"),
        ("1 mi km", "1 mi = 1.609344 km"),
        ("98.6 degF degC", "98.6 degF = 37 degC"),
        ("-40 degF degC", "-40 degF = -40 degC"),
        ("1,200 lb kg", "1200 lb = 544.310844 kg"),
        ("3 kg lb", "3 kg ≈ 6.61386786554633 lb"),
        ("3 kg lb", "exactly 300000000/45359237 lb"),
        ("180 deg rad", "π is in this factor"),
        ("5 USD/lb USD/kg", "measures USD per mass"),
        ("lb kg", "1 lb = 0.45359237 kg"),
        ("lbf", "the force pound, a force"),
        ("lb", "unece LBR"),
        ("lb", "1 lb = 0.45359237 kg"),
        ("degC", "K = degC × 1 + 273.15"),
        ("1/3 ft in", "1/3 ft = 4 in"),
        ("0.1 mi/gal km/l", "measures 1 / meter^2"),
    ],
)
def test_units_convert(capsys: pytest.CaptureFixture[str], words: str, wanted: str) -> None:
    assert wanted in said(capsys, *words.split())


@pytest.mark.parametrize(
    ("words", "code", "wanted"),
    [
        ("12 lb m", 1, "lb is a mass and m is a length, so neither becomes the other"),
        ("12 lbs_x kg", 2, "There is no unit lbs_x"),
        ("1 dalton kg", 1, "dalton cannot be converted exactly: its size was measured"),
        ("1 EUR USD", 1, "EUR is money in EUR and USD is money in USD"),
        ("twelve lb kg", 2, "twelve is not a number"),
        ("1e999999 lb kg", 2, "is not a number"),
        ("1 2 3 4", 2, "A conversion is a number"),
        ("12.5 kg", 2, "A conversion needs the unit that is wanted too"),
        ("", 2, "Say one thing"),
        ("--code FOO --system unece", 1, '"FOO" is no unit code of UN/ECE Recommendation 20'),
        ("--code kgm --system unece", 1, "told apart by case: KGM"),
        ("--code KGM --system iso", 2, "There is no system iso; there are unece, ucum, sap"),
        ("--search qqqq", 1, "No unit and no code is called qqqq"),
    ],
)
def test_what_cannot_be_answered_is_said(
    capsys: pytest.CaptureFixture[str], words: str, code: int, wanted: str
) -> None:
    assert wanted in said(capsys, *words.split(), code=code)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("--code LBR --system unece", "LBR of UN/ECE Recommendation 20: pound measures a mass unit lb"),
        ("--code XPK --system unece", "never: it has no size of its own"),
        ("--code [lb_av] --system ucum", "unit lb"),
        ("--code kg.m/s2 --system ucum", "measures a force"),
        ("--code ST --system sap", "ISO code H87"),
        ("--code KGM", "kilogram"),
        ("--search torque", "1 Nm = 1 J"),
        ("--search torque", "Nm newton metre an energy or torque 1 Nm = 1 J ft_lb foot pound force"),
        ("--search pressure", "psi"),
        ("--search LBR", "unece LBR pound lb"),
    ],
)
def test_codes_and_searches(capsys: pytest.CaptureFixture[str], words: str, wanted: str) -> None:
    text = said(capsys, *words.split())
    assert wanted in text


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "12", "lb", "kg") == {
        "amount": "12",
        "from": "lb",
        "to": "kg",
        "result": "5.44310844",
        "exact": "136077711/25000000",
        "terminates": True,
        "factor": "45359237/100000000",
        "offset": "0",
        "measures": "a mass",
        "rounded_constant": False,
    }
    assert told(capsys, "--code", "LBR", "--system", "unece")[0]["factor"] == "45359237/100000000"
    assert {"system": "unece", "code": "LBR"} in told(capsys, "lb")["codes"]
    assert any(found["unit"] == "psi" for found in told(capsys, "--search", "pressure")["units"])
