"""HTTP that is loaded with the first request: most commands make none, and the libraries take a quarter of a second."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from fieldmap.runtime.ports import Http, Request, Response, TlsFiles, nothing


class LazyHttp:
    """One client for each set of TLS files that requests name. stop: see `BoundedHttp`."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._clients: dict[TlsFiles | None, Http] = {}
        self._stop = stop
        self._lock = threading.Lock()

    def send(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Response:
        return self._client(request.tls).send(request, meanwhile)

    def _client(self, files: TlsFiles | None) -> Http:
        with self._lock:
            client = self._clients.get(files)
            if client is None:
                from fieldmap.runtime.acquire.addresses import ALLOWED, allowed_hosts
                from fieldmap.runtime.acquire.transport import BoundedHttp, tls_context

                allowed = allowed_hosts(os.environ.get(ALLOWED, ""))
                client = BoundedHttp(tls=tls_context(files), allowed=allowed, stop=self._stop)
                self._clients[files] = client
            return client

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
