"""A small HTTP server on loopback that answers with what a function gives, and leaves no thread or socket behind."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

_LARGEST_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """base: the server's own address. form: the fields of a body sent as a form."""

    method: str
    base: str
    path: str
    query: Mapping[str, str]
    headers: Message
    form: Mapping[str, str]

    def basic_login(self) -> tuple[str, str] | None:
        """User and password of HTTP Basic; None without them."""
        scheme, _, coded = self.headers.get("Authorization", "").partition(" ")
        try:
            user, colon, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return (user, password) if scheme.lower() == "basic" and colon else None

    def bearer(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token else None


@dataclass(frozen=True, slots=True)
class Answer:
    """content: sent as JSON."""

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Serves from its making until `stop`. answer: called in a thread of each request."""

    def __init__(self, name: str, answer: Callable[[Request], Answer]) -> None:
        self._server = _HttpServer(("127.0.0.1", 0), _handler(answer))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=name, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return self._server.url

    def stop(self) -> None:
        """Returns when the port is closed and the last request is answered."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _HttpServer(ThreadingHTTPServer):
    # A closed server waits for its requests; each ends with its connection.
    daemon_threads = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is nobody's fault; all else would be one of the demo."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 2

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(min(size, _LARGEST_BODY)).decode("utf-8", "replace")
            address = urlsplit(self.path)
            given = answer(
                Request(
                    method=self.command,
                    base=cast("_HttpServer", self.server).url,
                    path=unquote(address.path),
                    query=_fields(address.query),
                    headers=self.headers,
                    form=_fields(sent),
                )
            )
            self._send(given, json.dumps(given.content, ensure_ascii=False, separators=(",", ":")).encode())

        def _send(self, given: Answer, body: bytes) -> None:
            self.send_response(given.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps the terminal for the story."""

    return Handler


def _fields(coded: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(coded, keep_blank_values=True).items()}
