"""A project's worth of acquiring in one object: an archive on disk, real HTTP with short limits, a clock that does not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.runtime.acquire.faultserver import FaultServer, Reply, reply
from tests.runtime.archive.fakes import FixedRandomness, VirtualClock

from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.acquire.transport import BoundedHttp, Limits
from fieldmap.runtime.archive import Archive, Archived, ClosedSweep, Writer
from fieldmap.runtime.archive.storage import LocalStorage
from fieldmap.runtime.plan import (
    Auth,
    Composed,
    Connector,
    CursorPages,
    HttpConnector,
    HttpResource,
    NextLinkPages,
    NoAuth,
    Pages,
    RetryPolicy,
)
from fieldmap.runtime.ports import Http, Ports

RESOURCE = "workday.workers"
QUICK = Limits(total=1.5, connect=1.0, idle=0.5, rate=1024, grace=0.3, body=1 << 20)


def text(*parts: Any) -> Composed:
    return Composed(parts)


def member(name: str) -> Callable[[Any], Any]:
    """Finds a page's successor as generated code does."""
    return lambda body: body.get(name) if isinstance(body, dict) else None


CURSOR = CursorPages(next=member("next"), sent_as="cursor")
LINK = NextLinkPages(next=member("next"))


def connector(
    base: str,
    pages: Pages = CURSOR,
    *,
    auth: Auth = NoAuth(),  # noqa: B008  (frozen)
    retry: RetryPolicy = RetryPolicy(times=3),  # noqa: B008
    headers: tuple[tuple[str, Composed], ...] = (),
    query: tuple[tuple[str, Composed], ...] = (),
    format: Any = "json",
) -> HttpConnector:
    resource = HttpResource(name=RESOURCE, path=text("/v1/workers"), query=query, pages=pages, format=format)
    return HttpConnector(
        name="workday", base=text(base), auth=auth, retry=retry, headers=headers, resources=(resource,)
    )


class Source:
    def __init__(self, root: Path, http: Http) -> None:
        self.clock = VirtualClock()
        self.ports = Ports(http=http, storage=LocalStorage(), clock=self.clock, random=FixedRandomness())
        self.archive = Archive(root / "archive", self.ports)
        self.root = root

    def fetch(
        self,
        plan: Connector,
        environ: dict[str, str] | None = None,
        resource: str = RESOURCE,
        wanted: Wanted = Wanted(),  # noqa: B008
    ) -> list[Archived]:
        """All pages of a sweep; also those before an error are in the archive."""
        with self.archive.writer(resource) as writer:
            items = acquire(plan, resource, writer=writer, ports=self.ports, environ=environ or {}, wanted=wanted)
            return [item for item in items if isinstance(item, Archived)]

    def stepwise(self, plan: Connector, writer: Writer) -> Iterator[Archived | ClosedSweep]:
        """The items of a sweep for whoever may stop after any of them."""
        return acquire(plan, writer.resource, writer=writer, ports=self.ports, environ={}, wanted=Wanted(stepwise=True))

    def archived(self, resource: str = RESOURCE) -> list[Archived]:
        return list(self.archive.read(resource, None))

    def closed(self, resource: str = RESOURCE) -> list[int]:
        """Pages of each sweep that came to its end."""
        return [mark.pages for mark in self.archive.closed_sweeps(resource)]


@contextmanager
def source(root: Path, limits: Limits = QUICK, **other: Any) -> Iterator[Source]:
    http = BoundedHttp(limits, **other)
    try:
        yield Source(root, http)
    finally:
        http.close()


def serving(*replies: Reply) -> FaultServer:
    return FaultServer(list(replies))


def page(*ids: int, next: object = None) -> Reply:
    return reply({"data": [{"id": number} for number in ids], "next": next})
