"""HTTP that is loaded with the first request: most commands make none, and the libraries take a quarter of a second."""

from __future__ import annotations

from fieldmap.runtime.ports import Http, Request, Response


class LazyHttp:
    def __init__(self) -> None:
        self._http: Http | None = None

    def send(self, request: Request) -> Response:
        if self._http is None:
            from fieldmap.runtime.acquire.transport import BoundedHttp

            self._http = BoundedHttp()
        return self._http.send(request)

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None
