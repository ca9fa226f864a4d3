"""One exchange over HTTP/1.1: sent once, followed nowhere, taken whole, within bounds of time and size.

Timeouts of HTTP libraries begin anew with every byte, so that a source that drips is waited for without end. Here every wait
on the socket, from the connection to the last byte of the body, is cut to what is left of one deadline.
"""

from __future__ import annotations

import http.cookiejar
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

from fieldmap.runtime.acquire.addresses import connectable
from fieldmap.runtime.acquire.connections import MEANWHILE, Pool
from fieldmap.runtime.errors import StoppedError, UsageError
from fieldmap.runtime.ports import Request, Response, TlsFiles, TransportError, nothing
from fieldmap.runtime.secrets import Secret

# Seconds after which a wait for bytes looks whether the run is to end.
_LOOKS: Final = 1.0
# As many as a run may have resources under way; httpx would let the others wait as if the source were silent.
_CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """In seconds and bytes. idle: longest wait for the next byte. rate: least bytes a second, once `grace` has passed."""

    total: float = 300.0
    connect: float = 10.0
    idle: float = 60.0
    rate: int = 1024
    grace: float = 10.0
    body: int = 64 << 20


def tls_context(files: TlsFiles | None) -> ssl.SSLContext | None:
    """What a connector's files make of TLS; None for the usual roots and no certificate. Raises UsageError if they cannot be used."""
    if files is None:
        return None
    try:
        # Without files of its own the same roots as everywhere else, which httpcore takes from certifi.
        context = ssl.create_default_context(cafile=files.roots) if files.roots else httpcore.default_ssl_context()
        if files.certificate:
            password = files.password.reveal() if files.password is not None else None
            context.load_cert_chain(files.certificate, files.key or None, password)
    except (OSError, ssl.SSLError) as error:
        # The library's own words may quote the file; its kind of mistake does not.
        named = [name for name in (files.certificate, files.key, files.roots) if name]
        missing = [name for name in named if not os.access(name, os.R_OK)]
        if not isinstance(error, ssl.SSLError):
            told = f"is not there or cannot be read: check {', '.join(missing or named)}"
        else:
            told = f"is no PEM that fits: check {', '.join(named)} and the password"
        raise UsageError(f"A file of the connector's tls {told}") from None
    return context


class BoundedHttp:
    """The real Http port. Connections are kept between requests; proxies, netrc and cookies are never used."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        allowed: frozenset[str] = frozenset(),
        stop: threading.Event | None = None,
    ) -> None:
        """allowed: hosts that may be asked although their addresses are private. stop: once it is set, whoever waits for bytes
        is told by StoppedError within a second."""
        self._limits = limits or Limits()
        self._budget = _Budget(self._limits, stop or threading.Event())
        # These write addresses, and with them secrets, to whoever listens at the level INFO.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = httpx.Client(
            transport=_Transport(self._budget, tls, allowed),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._limits.idle, connect=self._limits.connect),
            cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
        )

    def send(self, request: Request, meanwhile: Callable[[], None] = nothing) -> Response:
        """Raises TransportError."""
        self._budget.begin()
        with _told(self._limits):
            _check(request)
            built = self._client.build_request(
                request.method,
                httpx.URL(request.url.reveal()),
                headers=[(name.encode("ascii"), _octets(value)) for name, value in request.headers],
                content=None if request.body is None else request.body.reveal().encode(),
                extensions={MEANWHILE: meanwhile},
            )
            answer = self._client.send(built, stream=True)
            try:
                return self._whole(answer)
            finally:
                answer.close()

    def close(self) -> None:
        self._client.close()

    def _whole(self, answer: httpx.Response) -> Response:
        limit = self._limits.body
        length = answer.headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise TransportError(f"announced a body of more than {limit >> 20} MiB", again=False, large=True)
        parts: list[bytes] = []
        size = 0
        for part in answer.iter_raw():
            size += len(part)
            if size > limit:
                raise TransportError(f"sent a body of more than {limit >> 20} MiB", again=False, large=True)
            parts.append(part)
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers.raw)
        names = {name for name, _ in headers}
        framed = bool(names & {"content-length", "transfer-encoding"}) or answer.status_code in (204, 304)
        return Response(status=answer.status_code, headers=headers, body=b"".join(parts), framed=framed)


def _check(request: Request) -> None:
    """Raises TransportError for a header that HTTP cannot carry, such as a secret pasted with its line break."""
    for name, value in request.headers:
        if any((octet < 0x20 and octet != 0x09) or octet == 0x7F for octet in _octets(value)):
            raise TransportError(
                f"cannot be asked: the value of its header {name} holds a line break or another control character",
                again=False,
                advice="see whether one was pasted into the variable that it comes from",
            )


def _octets(value: str | Secret) -> bytes:
    return (value.reveal() if isinstance(value, Secret) else value).encode()


class _Budget(threading.local):
    """What is left to one exchange: each thread has one under way at most."""

    def __init__(self, limits: Limits, stop: threading.Event) -> None:
        self._limits = limits
        self._stop = stop
        self.begin()

    def look(self) -> None:
        if self._stop.is_set():
            raise StoppedError("The run was told to end")

    def begin(self) -> None:
        self._ends = time.monotonic() + self._limits.total
        self._first = 0.0
        self._received = 0

    def wait(self, timeout: float | None) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TransportError(f"did not finish its answer within {self._limits.total:g} seconds")
        return left if timeout is None else min(timeout, left)

    def took(self, size: int) -> None:
        now = time.monotonic()
        self._first = self._first or now
        self._received += size
        since = now - self._first
        if since > self._limits.grace and self._received < since * self._limits.rate:
            raise TransportError(f"sent less than {self._limits.rate:,} bytes a second")


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, budget: _Budget) -> None:
        self._inner = inner
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        began = time.monotonic()
        while True:
            self._budget.look()
            left = self._budget.wait(None if timeout is None else timeout - (time.monotonic() - began))
            try:
                # In short waits: a thread that waits for bytes cannot be told otherwise that the run is to end.
                data = self._inner.read(max_bytes, max(min(left, _LOOKS), 0.001))
            except httpcore.ReadTimeout:
                if left > _LOOKS:
                    continue
                self._budget.wait(timeout)  # tells which of the two limits it was
                raise
            self._budget.took(len(data))
            return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._budget.wait(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._budget.wait(timeout))
        return _Stream(inner, self._budget)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, budget: _Budget, allowed: frozenset[str]) -> None:
        self._inner = httpcore.SyncBackend()
        self._budget = budget
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            addresses = connectable(host, port, self._allowed)
        except (socket.gaierror, UnicodeError) as error:
            raise httpcore.ConnectError(error) from None
        last: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            wait = self._budget.wait(timeout)
            try:
                stream = self._inner.connect_tcp(address, port, wait, local_address, socket_options)
                return _Stream(stream, self._budget)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(socket.gaierror())


class _Transport(httpx.BaseTransport):
    """httpx's own transport has no place for a network backend; this is it, with ours."""

    def __init__(self, budget: _Budget, tls: ssl.SSLContext | None, allowed: frozenset[str]) -> None:
        self._pool = Pool(_Backend(budget, allowed), tls, _CONNECTIONS)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        stream = request.stream
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101  (a synchronous client makes no other)
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=stream, extensions=request.extensions
            )
        )
        assert not isinstance(answer.stream, bytes)  # noqa: S101
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream, answer.close))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any, close: Callable[[], None]) -> None:
        self._stream = stream
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._close()


@contextmanager
def _told(limits: Limits) -> Iterator[None]:
    """Every fault as a TransportError, without the fault itself: its request holds the credentials."""
    told: TransportError
    try:
        yield
        return
    except httpcore.ConnectTimeout:
        told = TransportError(f"did not accept a connection within {limits.connect:g} seconds", sent=False)
    except (httpcore.TimeoutException, TimeoutError):
        told = TransportError(f"did not answer within {limits.idle:g} seconds")
    except httpcore.ConnectError as error:
        # The pool cuts the chain of causes; httpcore keeps the system's error as the argument.
        told = _unconnected(error.args[0] if error.args else error)
    except httpcore.NetworkError:
        told = TransportError("broke the connection")
    except httpcore.RemoteProtocolError as error:
        cut = any(word in str(error) for word in ("closed", "disconnected"))
        told = TransportError(
            "broke off in the middle of its answer" if cut else "answered with something that is not HTTP/1.1"
        )
    except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol, httpx.InvalidURL, UnicodeError):
        told = TransportError("cannot be asked: its address or a header is not valid", again=False)
    raise told


def _unconnected(cause: object) -> TransportError:
    match cause:
        case ConnectionRefusedError():
            return TransportError("refused the connection", sent=False)
        case socket.gaierror():
            return TransportError("has no address: its name could not be resolved", sent=False)
        case ssl.SSLCertVerificationError():
            return TransportError(
                f"showed a TLS certificate that is not valid ({cause.verify_message})",
                again=False,
                advice="see whether the address is right, or name the authority to trust: tls { roots env.X }",
            )
        case ssl.SSLError():
            return TransportError("broke off the TLS handshake")
        case OSError():
            return TransportError(f"could not be reached ({cause.strerror or type(cause).__name__})", sent=False)
    return TransportError("could not be reached")
