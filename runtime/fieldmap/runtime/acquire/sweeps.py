"""A sweep: one pass over a resource, from its first page to its last."""

from __future__ import annotations

from fieldmap.runtime.ports import Ports


def new_sweep(ports: Ports) -> str:
    """An identifier that sorts by time, such as 20260301T120000Z-9f86d081."""
    return f"{ports.clock.now():%Y%m%dT%H%M%SZ}-{ports.random.hex(8)}"
