"""What the ERP holds: suppliers as its OData V2 service for business partners sends them, with expanded addresses.

An absent text is "", an absent date null, an absent time of day PT00H00M00S; a flag is "X" or "", or a JSON
boolean, depending on the age of the field. `blank.json` has the members; what is known of a supplier fills them.
"""

from __future__ import annotations

import copy
import json
import uuid
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from fieldmap import demo
from fieldmap.demo.dice import Dice
from fieldmap.demo.names import COUNTRIES, Country, Town, mail_part

Json = dict[str, Any]

SERVICE = "/sap/opu/odata/sap/API_BUSINESS_PARTNER"
ENTITY_SET = "A_BusinessPartner"
NUMBERS = range(1000201, 1000261)
BLOCKED = (1000213, 1000238, 1000252)
GROUPS = (1000220, 1000247)
"""Business partners of category 3, such as a building syndicate."""

NO_ADDRESS = 1000231
_OPEN = "/Date(253402214400000)/"  # 9999-12-31
_CLERK = "CC0000000002"
_TRADES = (
    "Fasteners",
    "Logistics",
    "Castings",
    "Textiles",
    "Packaging",
    "Electronics",
    "Coatings",
    "Catering",
    "Bearings",
    "Printing",
)


def suppliers(base: str) -> list[Json]:
    """All business partners, by number. base: where the service runs, which every record repeats."""
    return [supplier(number, base) for number in NUMBERS]


def supplier(number: int, base: str) -> Json:
    dice = Dice("supplier", number)
    country = dice.pick(COUNTRIES, "country")
    created = date(2014, 1, 6) + timedelta(dice.number(0, 4000, "created"))
    clock = f"PT{dice.number(6, 18, 'hour'):02d}H{dice.number(0, 59, 'minute'):02d}M{dice.number(0, 59, 'second'):02d}S"
    partner = str(number)
    record = _blank("partner") | {
        "__metadata": _metadata(base, f"{ENTITY_SET}('{partner}')", "A_BusinessPartnerType"),
        "BusinessPartner": partner,
        "Supplier": partner,
        "BusinessPartnerGrouping": "BP02",
        "BusinessPartnerUUID": _uuid("partner", partner),
        "CreatedByUser": _CLERK,
        "CreationDate": _day(created),
        "CreationTime": clock,
        "BusinessPartnerIsBlocked": number in BLOCKED,
        "ETag": f"{_CLERK}{created:%Y%m%d}{clock[2:4]}{clock[5:7]}{clock[8:10]}",
        "to_BusinessPartnerAddress": {"results": _addresses(number, country, created, dice, base)},
    }
    if dice.chance(40, "changed"):
        changed = min(created + timedelta(dice.number(1, 900, "days")), date(2025, 12, 19))
        record |= {"LastChangeDate": _day(changed), "LastChangeTime": clock, "LastChangedByUser": _CLERK}
    return record | _who(number, country, dice)


def _who(number: int, country: Country, dice: Dice) -> Json:
    given, family = dice.pick(country.given, "given"), dice.pick(country.family, "family")
    trade = dice.pick(_TRADES, "trade")
    if number in GROUPS:
        name = f"{family} & {dice.pick(country.family, 'partner')} joint venture"
        return _named("3", name) | {"GroupBusinessPartnerName1": name, "SearchTerm1": family.upper()}
    if number % 5 == 0:
        return _named("1", f"{given} {family}") | {
            "FirstName": given,
            "LastName": family,
            "IsSexUnknown": True,
            "IsNaturalPerson": "X",
            # The field has served to hold a mail address.
            "MiddleName": f"{mail_part(family)}@supplier.example.com" if dice.chance(50, "misused") else "",
            "PersonNumber": str(28_000 + number % 1000),
            "SearchTerm1": trade,
        }
    name = f"{family} {trade} {country.legal_form}"
    founded = _day(date(dice.number(1950, 2012, "year"), dice.number(1, 12, "month"), 1))
    return _named("2", name) | {
        "OrganizationBPName1": name,
        "OrganizationFoundationDate": founded if dice.chance(30, "founded") else None,
        "SearchTerm1": family.upper(),
    }


def _named(category: str, name: str) -> Json:
    return {"BusinessPartnerCategory": category, "BusinessPartnerFullName": name, "BusinessPartnerName": name}


def _addresses(number: int, country: Country, created: date, dice: Dice, base: str) -> list[Json]:
    """One that is valid now; for some an earlier one too, which ended the day before."""
    if number == NO_ADDRESS:
        return []
    towns = country.towns
    first = dice.number(0, len(towns) - 1, "town")
    if not dice.chance(25, "moved"):
        return [_address(number, 1, country, towns[first], created, None, base)]
    moved = created + timedelta(dice.number(30, 330, "moved on"))
    other = towns[(first + 1) % len(towns)]
    return [
        _address(number, 1, country, towns[first], created, moved - timedelta(1), base),
        _address(number, 2, country, other, moved, None, base),
    ]


def _address(number: int, nth: int, country: Country, town: Town, start: date, end: date | None, base: str) -> Json:
    partner, address = str(number), str(30_000 + 10 * (number % 1000) + nth)
    key = f"A_BusinessPartnerAddress(BusinessPartner='{partner}',AddressID='{address}')"
    return _blank("address") | {
        "__metadata": _metadata(base, key, "A_BusinessPartnerAddressType"),
        "BusinessPartner": partner,
        "AddressID": address,
        "ValidityStartDate": _day(start),
        "ValidityEndDate": _day(end) if end is not None else _OPEN,
        "AddressUUID": _uuid("address", address),
        "AddressTimeZone": country.zone,
        "CityName": town.name,
        "Country": country.code,
        "HouseNumber": str(Dice("address", address).number(1, 180, "house")),
        "PostalCode": town.postcode,
        "Region": town.region,
        "StreetName": town.street,
    }


@cache
def _blanks() -> Json:
    """All the members of a business partner and of an address, as the service sends them where nothing is known."""
    blanks: Json = json.loads(files(demo).joinpath("blank.json").read_text("utf-8"))
    return blanks


def _blank(kind: str) -> Json:
    return copy.deepcopy(_blanks()[kind])


def _metadata(base: str, key: str, kind: str) -> Json:
    address = f"{base}{SERVICE}/{key}"
    return {"id": address, "uri": address, "type": f"API_BUSINESS_PARTNER.{kind}"}


def _uuid(kind: str, number: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://erp.example.com/{kind}/{number}"))


def _day(day: date) -> str:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return f"/Date({int(midnight.timestamp()) * 1000})/"
