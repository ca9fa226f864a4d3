"""The records of the service in cap/: written over OData V4, and what is to be found of them afterwards."""

from __future__ import annotations

import uuid
from typing import Any

ORDERS = 130
CUSTOMERS = 7


def order_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"order {number}"))


def customers() -> list[dict[str, Any]]:
    return [
        {"id": f"C{number}", "name": f"Kunde & Söhne {number}", "city": None if number == 3 else f"Ort {number}"}
        for number in range(CUSTOMERS)
    ]


def order(number: int) -> dict[str, Any]:
    """Every third has no value where none is needed; every fourth has no items. Whole numbers stay below 2**53: the service itself holds no larger ones exactly."""
    bare = number % 3 == 0
    return {
        "ID": order_id(number),
        "number": f"A'{number:04}+%/ü",
        "status": ("open", "paid")[number % 2],
        "total": f"{number * 1234567 + 0.1:.2f}",
        "discount": None if bare else "0.1250",
        "weight": None if bare else number / 8,
        "pieces": None if bare else -number,
        "serial": None if bare else str(4_000_000_000_000_000 + number),
        "express": None if bare else number % 2 == 0,
        "ordered": None if bare else f"2026-02-{number % 28 + 1:02}",
        "delivery": None if bare else "07:30:00",
        "due": None if bare else f"1969-12-31T{number % 24:02}:59:58Z",
        "note": None if bare else 'eins\n"zwei" <drei>',
        "customer_id": None if bare else f"C{number % CUSTOMERS}",
        "items": [
            {"line": line, "product": f"P{line}", "amount": f"{line + number / 1000:.3f}"} for line in range(number % 4)
        ],
    }
