"""Webhooks as an ASGI application: a delivery is checked, archived durably, and only then answered with 200."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fieldmap.runtime.archive import Received
from fieldmap.runtime.errors import ArchiveError
from fieldmap.runtime.plan import Format, PushResource
from fieldmap.runtime.ports import Ports

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.desk import Desk
    from fieldmap.runtime.acquire.senders import Sender

LARGEST: Final = 8 << 20  # bytes of a body, where nothing is said
BUDGET: Final = 64 << 20  # bytes of all bodies that are under way
PATIENCE: Final = 10.0  # seconds that a body may take

_TYPES: Final[dict[Format, tuple[str, ...]]] = {
    "json": ("application/json", "text/json"),
    "ndjson": (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/json-lines",
        "text/plain",
    ),
    "csv": ("text/csv", "application/csv", "text/plain"),
    "xml": ("application/xml", "text/xml"),
    "excel": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
}


class Webhooks:
    """resources: by path, such as /events/orders, each with who may push there. told: for what an operator should know."""

    def __init__(
        self,
        resources: Mapping[str, tuple[PushResource, Sender]],
        desk: Desk,
        ports: Ports,
        told: Callable[[str], None],
        *,
        largest: int = LARGEST,
        budget: int = BUDGET,
        patience: float = PATIENCE,
    ) -> None:
        self._resources = resources
        self._desk = desk
        self._ports = ports
        self._told = told
        self._largest = largest
        self._left = budget
        self._patience = patience
        self.stored = 0

    def application(self) -> Starlette:
        methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=methods)])

    async def _answer(self, request: Request) -> Response:
        path = "/" + request.path_params["path"]
        if path == "/health" and request.method in ("GET", "HEAD"):
            return JSONResponse({"status": "ok"})
        found = self._resources.get(path)
        if found is None:
            return _refused(404, "there is nothing here; a delivery goes to /connector/resource")
        resource, sender = found
        if request.method != "POST":
            return _refused(405, "a delivery is sent with POST", Allow="POST")
        refusal = self._unfit(request, resource)
        if refusal is not None:
            return refusal
        length = int(request.headers.get("content-length", self._largest))
        if length > self._left:
            return _refused(503, "too much is under way; send it again", **{"Retry-After": "1"})
        self._left -= length
        try:
            return await self._delivery(request, resource, sender)
        finally:
            self._left += length

    def _unfit(self, request: Request, resource: PushResource) -> Response | None:
        """What the headers alone tell against it."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        known = _TYPES[resource.format]
        if kind not in known and not (resource.format in ("json", "xml") and kind.endswith(f"+{resource.format}")):
            return _refused(415, f"the body is to be {resource.format}: send Content-Type: {known[0]}")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            return _refused(415, "the body is to be sent as it is: without Content-Encoding")
        length = request.headers.get("content-length")
        if length is not None and (not length.isascii() or not length.isdigit() or len(length) > 15):
            return _refused(400, "Content-Length is no number")
        if length is not None and int(length) > self._largest:
            return _refused(413, f"the body has more than {self._largest:,} bytes")
        return None

    async def _delivery(self, request: Request, resource: PushResource, sender: Sender) -> Response:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._patience):
                async for part in request.stream():
                    size += len(part)
                    if size > self._largest:
                        return _refused(413, f"the body has more than {self._largest:,} bytes")
                    parts.append(part)
        except TimeoutError:
            return _refused(408, f"the body did not come within {self._patience:g} s", Connection="close")
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        body = b"".join(parts)
        wrong = sender.refusal(request.headers.raw, body)
        if wrong:
            challenge = {"WWW-Authenticate": sender.challenge} if sender.challenge else {}
            return _refused(401, wrong, **challenge)
        if not body.strip():
            return _refused(400, "the body is empty")
        return await self._store(resource, body)

    async def _store(self, resource: PushResource, body: bytes) -> Response:
        digest = hashlib.sha256(body).hexdigest()
        received = Received(
            resource=resource.name,
            url="push:webhook",
            fetched_at=self._ports.clock.now(),
            status=None,
            headers={},
            body=body,
            format=resource.format,
            request=hashlib.sha256(b"PUSH " + digest.encode()).hexdigest(),
            sweep="",
            page=0,
            digest=digest,
        )
        try:
            archived = await self._desk.take(received)
        except ArchiveError as error:
            self._told(str(error))
            return _refused(503, "it could not be stored; send it again", **{"Retry-After": "30"})
        self.stored += 1
        return JSONResponse({"stored": True, "position": str(archived.position)})


def _refused(status: int, why: str, **headers: str) -> Response:
    return JSONResponse({"error": why}, status, headers)
