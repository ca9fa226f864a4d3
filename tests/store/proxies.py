"""What stands between the loader and a real server, and breaks: a TCP proxy that cuts, and connections that are watched."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import conninfo

from fieldmap.runtime.store.database import Connection, Database, Server


@dataclass
class Watched:
    """Connections of which each statement is told before it is sent: `before(connection, statement)`. made: those that were opened."""

    database: Database
    before: Callable[[Connection, str], None]
    made: list[Connection] = field(default_factory=list)

    def connect(self) -> Connection:
        connection = self.database.connect()
        execute = connection.execute

        def told(query: Any, *arguments: Any, **options: Any) -> Any:
            self.before(connection, query.decode() if isinstance(query, bytes) else str(query))
            return execute(query, *arguments, **options)

        connection.execute = told  # type: ignore[method-assign]
        self.made.append(connection)
        return connection


@dataclass
class Cut:
    """What the proxy does when it meets `marker` in what a client sends: it cuts the connection before passing it on, or after the server
    has answered, without passing on the answer. times: so often. done: how often it did."""

    marker: bytes
    after: bool = False
    times: int = 1
    done: int = 0


class Proxy:
    """A TCP proxy on loopback before a PostgreSQL server."""

    def __init__(self, server: Server, cut: Cut) -> None:
        self._target = conninfo.conninfo_to_dict(server.url)
        self._cut = cut
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        where = {
            "host": "127.0.0.1",
            "port": self._listener.getsockname()[1],
            "sslmode": "disable",
            "gssencmode": "disable",
        }
        self.server = Server(conninfo.make_conninfo("", **{**self._target, **where}))
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _connect(self) -> socket.socket:
        host, port = str(self._target.get("host") or "localhost"), int(str(self._target.get("port") or 5432))
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        there = socket.socket(socket.AF_UNIX)
        there.connect(f"{host}/.s.PGSQL.{port}")
        return there

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # the test is over
            server, swallowing = self._connect(), threading.Event()
            self._open += [client, server]
            self._start(self._forward, client, server, swallowing)
            self._start(self._answer, client, server, swallowing)

    def _forward(self, client: socket.socket, server: socket.socket, swallowing: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self._is_met(data):
                    if not self._cut.after:
                        break
                    swallowing.set()
                server.sendall(self._passed(data))
        self._close(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, swallowing: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (data := server.recv(65536)) and not swallowing.is_set():
                client.sendall(data)
        self._close(client, server)

    def _is_met(self, data: bytes) -> bool:
        with self._lock:
            if self._cut.marker not in data or self._cut.done >= self._cut.times:
                return False
            self._cut.done += 1
            return True

    def _passed(self, data: bytes) -> bytes:
        return data

    def _close(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        self._close(self._listener, *self._open)
        for thread in self._threads:
            thread.join(5)


class Pooler(Proxy):
    """Leaves out the settings that a client asks for when it connects."""

    def _passed(self, data: bytes) -> bytes:
        name = b"\0options\0"
        at = data.find(name)
        if at < 0:
            return data
        rest = data[4:at] + data[data.index(b"\0", at + len(name)) :]
        return (len(rest) + 4).to_bytes(4, "big") + rest


@contextlib.contextmanager
def proxied(server: Server, cut: Cut, kind: type[Proxy] = Proxy) -> Iterator[Server]:
    proxy = kind(server, cut)
    try:
        yield proxy.server
    finally:
        proxy.close()
