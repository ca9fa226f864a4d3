"""Connections of HTTP/1.1 whose bodies are taken straight from the socket.

The pool is httpcore's, and heads and chunked bodies are h11's. A body of a stated length needs neither: it is so many bytes, and
through them each would be copied five times in pieces of 64 kB, which costs a page more than its way over the wire.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import h11
import httpcore

_PIECE: Final = 256 << 10  # bytes; larger ones are not in the processor's cache any more when they are put together
_HEAD_PIECE: Final = 64 << 10
_LONGEST_HEAD: Final = 100 << 10
_NO_BODY: Final = (204, 304)
# The name under which a request brings what is done between sending it and waiting for its answer.
MEANWHILE: Final = "meanwhile"

_State = Literal["new", "active", "idle", "closed"]


class Pool(httpcore.ConnectionPool):
    """tls: None for the usual roots, which are read with the first https address. connections: at most."""

    def __init__(self, backend: httpcore.NetworkBackend, tls: ssl.SSLContext | None, connections: int) -> None:
        super().__init__(max_connections=connections, http1=True, http2=False)
        self._backend = backend
        self._tls = tls
        self._tls_lock = threading.Lock()

    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        return _Connection(origin, self)

    def connected(self, origin: httpcore.Origin, timeout: float | None) -> httpcore.NetworkStream:
        host = origin.host.decode("ascii")
        stream = self._backend.connect_tcp(host, origin.port, timeout)
        return stream.start_tls(self._context(), host, timeout) if origin.scheme == b"https" else stream

    def _context(self) -> ssl.SSLContext:
        with self._tls_lock:
            if self._tls is None:
                self._tls = httpcore.default_ssl_context()
            self._tls.set_alpn_protocols(["http/1.1"])
            return self._tls


class _Connection(httpcore.ConnectionInterface):
    """One connection, for one exchange at a time; closed after one that did not come to its end."""

    def __init__(self, origin: httpcore.Origin, pool: Pool) -> None:
        self._origin = origin
        self._pool = pool
        self._stream: httpcore.NetworkStream | None = None
        self._state: _State = "new"
        self._lock = threading.Lock()

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        with self._lock:
            if self._state not in ("new", "idle"):
                raise httpcore.ConnectionNotAvailable
            self._state = "active"
        try:
            timeouts = request.extensions.get("timeout", {})
            if self._stream is None:
                self._stream = self._pool.connected(self._origin, timeouts.get("connect"))
            exchange = _Exchange(self._stream, request, timeouts)
            request.extensions[MEANWHILE]()
            head = exchange.head()
        except BaseException:
            self.close()
            raise
        return httpcore.Response(head.status_code, headers=head.headers.raw_items(), content=_Body(exchange, self))

    def ended(self, *, reusable: bool) -> None:
        """The exchange is over. reusable: its answer was taken whole, and another may follow."""
        with self._lock:
            if reusable and self._state == "active":
                self._state = "idle"
                return
        self.close()

    def close(self) -> None:
        self._state = "closed"
        if self._stream is not None:
            self._stream.close()

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return origin == self._origin

    def is_available(self) -> bool:
        return self._state == "idle"

    def has_expired(self) -> bool:
        # Nothing is owed on an idle connection: that something can be read of it is its end.
        return self._state == "idle" and self._stream is not None and bool(self._stream.get_extra_info("is_readable"))

    def is_idle(self) -> bool:
        return self._state == "idle"

    def is_closed(self) -> bool:
        return self._state == "closed"

    def info(self) -> str:
        return f"HTTP/1.1, {self._state}"


class _Exchange:
    """One request and its answer. reusable: whether another may follow on the connection."""

    def __init__(self, stream: httpcore.NetworkStream, request: httpcore.Request, timeouts: dict[str, Any]) -> None:
        self._stream = stream
        self._wait: float | None = timeouts.get("read")
        self._h11 = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._heads_only = request.method == b"HEAD"
        self._length: int | None = None
        self._keeps = True
        self.reusable = False
        try:
            self._send(request, timeouts.get("write"))
        except httpcore.WriteError:
            # A source may answer, and close, before it has taken the request whole: its answer is looked for.
            self._keeps = False

    def head(self) -> h11.Response:
        """Raises httpcore's errors, as all of this."""
        while True:
            event = self._event()
            if isinstance(event, h11.Response):
                self._length = None if self._heads_only else _stated_length(event)
                self._keeps = self._keeps and self._h11.our_state is h11.DONE
                return event

    def body(self) -> Iterator[bytes]:
        return self._by_events() if self._length is None else self._so_many(self._length)

    # ------------------------------------------------------------------------------------------------- parts

    def _so_many(self, length: int) -> Iterator[bytes]:
        piece = self._h11.trailing_data[0]
        left = length - len(piece)
        if piece:
            yield piece[:length]  # what is behind the body answers nothing that was asked
        while left > 0:
            piece = self._stream.read(min(left, _PIECE), self._wait)
            if not piece:
                raise httpcore.RemoteProtocolError(f"closed {left:,} bytes before the end of the body")
            left -= len(piece)
            yield piece
        self.reusable = self._keeps and left == 0

    def _by_events(self) -> Iterator[bytes]:
        while isinstance(event := self._event(), h11.Data):
            yield bytes(event.data)
        if not isinstance(event, h11.EndOfMessage):
            raise httpcore.RemoteProtocolError("closed before the end of the body")
        ended = self._h11.their_state is h11.DONE and not self._h11.trailing_data[0]
        self.reusable = self._keeps and ended

    def _send(self, request: httpcore.Request, timeout: float | None) -> None:
        with _as(h11.LocalProtocolError, httpcore.LocalProtocolError):
            head = h11.Request(method=request.method, target=request.url.target, headers=request.headers)
            parts = [self._h11.send(head)]
            assert isinstance(request.stream, Iterable)  # noqa: S101  (a synchronous client makes no other)
            parts += [self._h11.send(h11.Data(data=data)) for data in request.stream]
            parts.append(self._h11.send(h11.EndOfMessage()))
        self._stream.write(b"".join(part for part in parts if part), timeout)

    def _event(self) -> Any:
        while True:
            with _as(h11.RemoteProtocolError, httpcore.RemoteProtocolError):
                event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            # In small pieces, or a head could be longer than is allowed and yet whole.
            data = self._stream.read(_HEAD_PIECE, self._wait)
            if not data and self._h11.their_state is h11.SEND_RESPONSE:
                raise httpcore.RemoteProtocolError("disconnected without an answer")
            self._h11.receive_data(data)


class _Body:
    """Gives the connection back once it is closed."""

    def __init__(self, exchange: _Exchange, connection: _Connection) -> None:
        self._exchange = exchange
        self._connection: _Connection | None = connection

    def __iter__(self) -> Iterator[bytes]:
        yield from self._exchange.body()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.ended(reusable=self._exchange.reusable)


def _stated_length(head: h11.Response) -> int | None:
    """Of a body that is as long as its Content-Length says; h11 has seen to it that there is one such header and it is a number."""
    names = dict(head.headers)
    if head.status_code in _NO_BODY or b"transfer-encoding" in names:
        return None
    length = names.get(b"content-length")
    return None if length is None else int(length)


@contextmanager
def _as(error: type[Exception], told: type[Exception]) -> Iterator[None]:
    try:
        yield
    except error as found:
        raise told(str(found)) from None
