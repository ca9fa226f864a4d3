"""X1: no address of an internal network is asked by accident, whatever name or spelling leads there."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from tests.runtime.acquire.sources import Source, connector, page, serving

from fieldmap.runtime.acquire.addresses import allowed_hosts, connectable
from fieldmap.runtime.acquire.transport import BoundedHttp
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.ports import TransportError


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("10.0.0.8", "a private address"),
        ("172.16.5.5", "a private address"),
        ("192.168.1.1", "a private address"),
        ("100.64.0.1", "a private address"),
        ("100.100.100.200", "a private address"),
        ("0.0.0.0", "a private address"),  # noqa: S104
        ("169.254.169.254", "a link-local address"),
        ("fe80::1", "a link-local address"),
        ("fd00:ec2::254", "a private address"),
        ("224.0.0.1", "an address of no single machine"),
        ("64:ff9b::a9fe:a9fe", "an address of no single machine"),
        ("2002:a9fe:a9fe::", "an address of no single machine"),
        ("::ffff:169.254.169.254", "a link-local address"),
        ("::ffff:10.0.0.8", "a private address"),
        ("127.1", "this machine by another name"),
        ("0x7f.1", "this machine by another name"),
        ("2130706433", "this machine by another name"),
    ],
)
def test_X1_addresses_that_are_not_asked(host: str, words: str) -> None:
    with pytest.raises(TransportError, match=f"is {words}, and no such address is asked unless FIELDMAP_PRIVATE_HOSTS"):
        connectable(host, 443, frozenset())
    assert connectable(host, 443, allowed_hosts(f"x.example, {host.upper()}"))


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_addresses_that_are_asked(host: str) -> None:
    assert connectable(host, 443, frozenset())


def test_X1_one_private_address_of_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(TransportError, match="a private address"):
        connectable("api.example.com", 443, frozenset())


def test_X1_a_name_is_resolved_once(workday: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that changes its meaning between the look and the connection: the address that was looked at is connected to."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if host == "rebound.example":
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "127.0.0.9", port, *rest, **named)
        return real(host, port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    http = BoundedHttp(allowed=frozenset({"rebound.example"}))
    try:
        with serving(page(1)) as server:
            plan = connector(server.url.replace("127.0.0.1", "rebound.example"))
            assert len(Source(workday.root / "x", http).fetch(plan)) == 1
            assert server.asked[0].headers["host"].startswith("rebound.example:")
    finally:
        http.close()
    assert asked == ["rebound.example"]


def test_X1_is_told_in_a_sentence_and_not_repeated(workday: Source) -> None:
    with pytest.raises(
        SourceError, match=r"cannot be asked: 10\.0\.0\.8 is a private address.*FIELDMAP_PRIVATE_HOSTS names the host"
    ):
        workday.fetch(connector("http://10.0.0.8:9/"))
    assert workday.clock.slept == []
