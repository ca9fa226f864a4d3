"""What stands round the records of a page, by its name in a map."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from fieldmap.runtime.values.decode import json_body


class Page(Protocol):
    """An archived record, as far as maps may look at it."""

    @property
    def url(self) -> str: ...
    @property
    def fetched_at(self) -> datetime: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def parent(self) -> str: ...


def surrounding(page: Page, body: Any, name: str) -> Any:
    """What stands round the records of a body, by its name in a map; an instant as text. "@envelope" differs by record."""
    match name:
        case "@page":
            return body
        case "@parent":
            return _parent(page.parent)
        case "@fetched_at":
            return page.fetched_at.isoformat()
        case "@url":
            return page.url
        case "@header":
            return dict(page.headers)
        case _:
            raise ValueError(f"{name} does not belong to a page")


def _parent(chain: str) -> Any:
    """The record of the parent that a page was asked for; None if it was asked for none."""
    found = json_body(chain.encode()) if chain else None
    return found[0] if isinstance(found, list) and found else None
