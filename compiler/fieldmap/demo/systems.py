"""The three systems of the demo, running: an HR service, an ERP service and a folder of the payroll's files.

`with Systems(folder) as systems:` starts them; `systems.environ` holds what the maps of `mappings/demo` read with env.X
and secret.X. When the block ends, both ports are closed and the folder is gone: the sources are switched off.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import secrets
import shutil
from pathlib import Path
from types import TracebackType

from fieldmap.demo import payroll, suppliers, workers
from fieldmap.demo.serving import Answer, Request, Server

CLIENT = ("fieldmap-demo", "demo-client-secret")
USER = ("FIELDMAP_DEMO", "demo-password")

BUSY_AT, DOWN_AT = 3, 5
"""The requests for workers that are answered with 429 and 503."""

TOKEN_SECONDS = 3600


class HrService:
    """`POST /oauth2/token`, and `GET /v1/workers?cursor=&limit=`: at most 100 workers and the next page's cursor."""

    def __init__(self) -> None:
        self._served = itertools.count(1)
        self._records = workers.workers()
        self._tokens: set[str] = set()

    def answer(self, request: Request) -> Answer:
        if (request.method, request.path) == ("POST", "/oauth2/token"):
            return self._token(request)
        if (request.method, request.path) != ("GET", "/v1/workers"):
            return Answer(404, {"error": "not_found"})
        if request.bearer() not in self._tokens:
            return Answer(401, {"error": "invalid_token"}, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        nth = next(self._served)
        if nth == BUSY_AT:
            return Answer(429, {"error": "too_many_requests"}, {"Retry-After": "1"})
        if nth == DOWN_AT:
            return Answer(503, {"error": "maintenance"})
        return self._page(request)

    def _token(self, request: Request) -> Answer:
        form = request.form
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        if (request.basic_login() or (form.get("client_id"), form.get("client_secret"))) != CLIENT:
            return Answer(401, {"error": "invalid_client"}, {"WWW-Authenticate": "Basic"})
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return Answer(
            200,
            {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_SECONDS},
            {"Cache-Control": "no-store"},
        )

    def _page(self, request: Request) -> Answer:
        start = _start(request.query.get("cursor", ""))
        limit = request.query.get("limit", "50")
        if start is None or not limit.isdecimal() or not 1 <= int(limit) <= 100:
            return Answer(400, {"error": "invalid_request"})
        end = start + int(limit)
        following = _cursor(end) if end < len(self._records) else None
        return Answer(200, {"data": self._records[start:end], "next": following})


def _cursor(start: int) -> str:
    return base64.urlsafe_b64encode(f"workers:{start}".encode()).decode()


def _start(cursor: str) -> int | None:
    """Where the page of a cursor starts; None for a cursor that was never given."""
    if not cursor:
        return 0
    try:
        kind, _, start = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return int(start) if kind == "workers" and start.isdecimal() else None


class ErpService:
    """The set `A_BusinessPartner` of an OData V2 service: 25 a page, the next one's address in `__next`."""

    PAGE = 25

    def answer(self, request: Request) -> Answer:
        if request.basic_login() != USER:
            return _fault(401, "Logon failed", {"WWW-Authenticate": 'Basic realm="SAP NetWeaver"'})
        if (request.method, request.path) != ("GET", f"{suppliers.SERVICE}/{suppliers.ENTITY_SET}"):
            return _fault(404, "Resource not found")
        token = request.query.get("$skiptoken", "0")
        if not token.isdecimal():
            return _fault(400, "Invalid skiptoken")
        return Answer(200, {"d": self._page(request, int(token))}, {"DataServiceVersion": "2.0"})

    def _page(self, request: Request, start: int) -> dict[str, object]:
        end = start + self.PAGE
        expanded = "to_BusinessPartnerAddress" in request.query.get("$expand", "").split(",")
        records = suppliers.suppliers(request.base)[start:end]
        page: dict[str, object] = {"results": [_partner(record, expanded) for record in records]}
        if end < len(suppliers.NUMBERS):
            # Written out as SAP does it, with the $ of its options.
            kept = "&".join(f"{name}={value}" for name, value in request.query.items() if name != "$skiptoken")
            page["__next"] = f"{request.base}{request.path}?{kept}{'&' if kept else ''}$skiptoken={end}"
        return page


def _partner(record: suppliers.Json, expanded: bool) -> suppliers.Json:
    if expanded:
        return record
    address = f"{record['__metadata']['uri']}/to_BusinessPartnerAddress"
    return record | {"to_BusinessPartnerAddress": {"__deferred": {"uri": address}}}


def _fault(status: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    content = {"error": {"code": f"005056A509B11EE1B9A8FEC11C21D{status}", "message": {"lang": "en", "value": message}}}
    return Answer(status, content, headers or {})


class Systems:
    """Runs the three within a `with` block. folder: where the payroll's drop folder is made."""

    def __init__(self, folder: Path) -> None:
        self.drop = folder / "payroll"
        self.hr = HrService()
        self.erp = ErpService()
        self.environ: dict[str, str] = {}
        self._servers: list[Server] = []

    def __enter__(self) -> Systems:
        self.drop.mkdir(parents=True)
        for name, content in payroll.files().items():
            (self.drop / name).write_bytes(content)
        hr, erp = Server("hr", self.hr.answer), Server("erp", self.erp.answer)
        self._servers = [hr, erp]
        self.environ = {
            "WORKDAY_URL": hr.url,
            "WORKDAY_CLIENT_ID": CLIENT[0],
            "WORKDAY_CLIENT_SECRET": CLIENT[1],
            "S4_URL": erp.url,
            "S4_USER": USER[0],
            "S4_PASSWORD": USER[1],
            "PAYROLL_FOLDER": str(self.drop),
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.stop()
        self._servers = []
        shutil.rmtree(self.drop)
