"""Which addresses may be asked: a name is resolved once, every address that it has is judged, and one that was judged is connected to.

So a name that means another machine by the time of the connection leads nowhere. Refused are addresses that no source of a company
has on the internet (private, link-local, shared, multicast, and those that hold one of these within), unless an operator names
the host; the machine itself is asked where it is called by its own name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from fieldmap.runtime.ports import TransportError

ALLOWED: Final = "FIELDMAP_PRIVATE_HOSTS"
_OWN_NAMES: Final = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")
# Global to the library, and none of them is a place of its own: addresses that hold an IPv4 address (NAT64, 6to4, Teredo).
_HOLDING: Final = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def connectable(host: str, port: int, allowed: frozenset[str]) -> list[str]:
    """The addresses of a host, each of which may be asked. Raises TransportError, and socket.gaierror if it has none."""
    found = dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    named = host.lower().strip("[]")
    if named not in allowed:
        for text in found:
            refused = _refusal(ipaddress.ip_address(text.partition("%")[0]), named)
            if refused:
                raise TransportError(
                    f"cannot be asked: {named} is {refused}, and no such address is asked unless {ALLOWED} names the host",
                    again=False,
                    sent=False,
                )
    return list(found)


def allowed_hosts(value: str) -> frozenset[str]:
    """Of the variable: hosts separated by commas."""
    return frozenset(name.strip().lower() for name in value.split(",") if name.strip())


def _refusal(address: Address, host: str) -> str:
    """What is wrong with an address, "" if it may be asked."""
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _refusal(mapped, host)
    if address.is_loopback:
        return "" if _OWN_NAMES.fullmatch(host) else "this machine by another name"
    if address.is_multicast or any(address in network for network in _HOLDING if network.version == address.version):
        return "an address of no single machine"
    if address.is_link_local:
        return "a link-local address"
    return "" if address.is_global else "a private address"
