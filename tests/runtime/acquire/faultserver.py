"""A scripted HTTP server on a socket of the loopback: what it sends is bytes, so it can be as wrong as a test wants."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """pieces: bytes to send, seconds to wait between them, and what to do meanwhile. close: hang up after it; reset: hang up rudely."""

    pieces: Sequence[bytes | float | Callable[[], None]]
    close: bool = False
    reset: bool = False


def reply(
    body: bytes | object = b"",
    status: int = 200,
    headers: dict[str, str] | None = None,
    content_type: str = "application/json",
) -> Reply:
    """A well-formed answer; anything but bytes is written as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": content_type, "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Reply([f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content])


def raw(*pieces: bytes | float | Callable[[], None], close: bool = True, reset: bool = False) -> Reply:
    return Reply(pieces, close=close, reset=reset)


@dataclass
class FaultServer:
    """answer: called with each request. A list is given out in order, its last again and again."""

    answer: Callable[[Asked], Reply] | list[Reply]
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def targets(self) -> list[str]:
        return [item.target for item in self.asked]

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listening.getsockname()[1]
        self._stopping = False
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._open: list[socket.socket] = []
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._ended.set()
        # Closing alone does not wake a thread that waits in accept.
        socket.create_connection(("127.0.0.1", self._port)).close()
        self._threads[0].join()
        self._listening.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self._stopping:
                connection.close()
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection, connection.makefile("rb") as reading:
                while asked := _request(reading):
                    self.asked.append(asked)
                    answer = self._next(asked)
                    self._send(connection, answer)
                    if answer.reset:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if answer.close or answer.reset:
                        return
        except OSError:
            connection.close()

    def _next(self, asked: Asked) -> Reply:
        if callable(self.answer):
            return self.answer(asked)
        return self.answer.pop(0) if len(self.answer) > 1 else self.answer[0]

    def _send(self, connection: socket.socket, answer: Reply) -> None:
        for piece in answer.pieces:
            if isinstance(piece, bytes):
                connection.sendall(piece)
            elif callable(piece):
                piece()
            elif self._stopping:
                return
            else:
                self._ended.wait(piece)


def _request(reading: object) -> Asked | None:
    line = reading.readline().decode("latin-1").split()  # type: ignore[attr-defined]
    if not line:
        return None
    headers: dict[str, str] = {}
    while text := reading.readline().decode("latin-1").strip():  # type: ignore[attr-defined]
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = reading.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]
    return Asked(line[0], line[1], headers, body)
