"""Deliveries become durable together, and a disk that was full for a while loses none that was acknowledged."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest
from tests.runtime.archive.fakes import FixedRandomness, VirtualClock

from fieldmap.runtime.acquire.desk import Desk
from fieldmap.runtime.acquire.lazy import LazyHttp
from fieldmap.runtime.archive import Archive, Received, Writer, storage
from fieldmap.runtime.archive.storage import LocalStorage
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.ports import Ports

ORDERS = "events.orders"


@pytest.fixture
def ports() -> Ports:
    return Ports(http=LazyHttp(), storage=LocalStorage(), clock=VirtualClock(), random=FixedRandomness())


def delivery(ports: Ports, number: int) -> Received:
    return Received(
        resource=ORDERS,
        url="push:webhook",
        fetched_at=ports.clock.now(),
        status=None,
        headers={},
        body=b'{"id":%d}' % number,
        format="json",
        request=f"{number}",
        sweep="",
        page=0,
    )


def test_what_comes_together_is_written_together(tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path, ports)
    portions: list[int] = []
    usual = Writer.append_all

    def counted(self: Writer, received: list[Received]) -> object:
        portions.append(len(received))
        return usual(self, received)

    monkeypatch.setattr(Writer, "append_all", counted)

    async def push() -> None:
        with Desk(archive, [ORDERS], ports) as desk:
            made = await asyncio.gather(*(desk.take(delivery(ports, number)) for number in range(100)))
            assert [item.position for item in made] == [item.position for item in archive.read(ORDERS, None)]
            assert await desk.close_sweeps()
            assert not await desk.close_sweeps()

    asyncio.run(push())
    assert (sum(portions), len(portions) <= 2) == (100, True)
    assert [item.page for item in archive.read(ORDERS, None)] == list(range(1, 101))
    assert archive.verify(ORDERS).closed_sweeps == 1


def test_who_hangs_up_stops_nobody_else(tmp_path: Path, ports: Ports) -> None:
    archive = Archive(tmp_path, ports)

    async def push() -> None:
        with Desk(archive, [ORDERS], ports) as desk:
            hasty = [asyncio.create_task(desk.take(delivery(ports, number))) for number in range(10)]
            await asyncio.sleep(0)
            hasty[0].cancel()
            done = await asyncio.gather(*hasty, return_exceptions=True)
            assert isinstance(done[0], asyncio.CancelledError)
            assert not any(isinstance(one, BaseException) for one in done[1:])
            await desk.close_sweeps()

    asyncio.run(push())
    archive.verify(ORDERS)
    assert {item.body for item in archive.read(ORDERS, None)} >= {b'{"id":%d}' % number for number in range(1, 10)}


def test_A5_a_full_disk_refuses_and_then_goes_on(tmp_path: Path, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path, ports)
    usual = storage.LocalSegment.append

    def full(self: storage.LocalSegment, data: bytes) -> None:
        usual(self, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    async def push() -> None:
        with Desk(archive, [ORDERS], ports) as desk:
            await desk.take(delivery(ports, 1))
            with monkeypatch.context() as broken:
                broken.setattr(storage.LocalSegment, "append", full)
                for number in (2, 3):
                    with pytest.raises(ArchiveError, match="No space left on device"):
                        await desk.take(delivery(ports, number))
            await desk.take(delivery(ports, 4))
            await desk.close_sweeps()

    asyncio.run(push())
    assert [item.body for item in archive.read(ORDERS, None)] == [b'{"id":1}', b'{"id":4}']
    verified = archive.verify(ORDERS)
    assert (verified.records, verified.closed_sweeps, verified.torn) == (2, 2, None)
