"""HTTP that is loaded with the first request: most commands make none, and the libraries take a quarter of a second."""

from __future__ import annotations

import os

from fieldmap.runtime.ports import Http, Request, Response, TlsFiles


class LazyHttp:
    """One client for each set of TLS files that requests name."""

    def __init__(self) -> None:
        self._clients: dict[TlsFiles | None, Http] = {}

    def send(self, request: Request) -> Response:
        client = self._clients.get(request.tls)
        if client is None:
            from fieldmap.runtime.acquire.addresses import ALLOWED, allowed_hosts
            from fieldmap.runtime.acquire.transport import BoundedHttp, tls_context

            allowed = allowed_hosts(os.environ.get(ALLOWED, ""))
            client = BoundedHttp(tls=tls_context(request.tls), allowed=allowed)
            self._clients[request.tls] = client
        return client.send(request)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
