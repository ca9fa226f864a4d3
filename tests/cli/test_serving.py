"""Webhooks over a real socket: who may push, what is refused in which words, and that a 200 means durable."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.support import rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server

COMMAND = str(Path(sys.executable).with_name("fieldmap"))
SECRETS = {"HOOK": "canary-hook", "PASS": "canary-pass"}
MAP = """
entity Order { key id : text; total : decimal(10, 2)? }
connector events is push {
  auth hmac { secret secret.HOOK; header "X-Hub-Signature-256"; prefix "sha256=" }
  resource orders { id $.id }
}
connector pay is push {
  auth hmac {
    secret secret.HOOK; header "Stripe-Signature"; message "{timestamp}.{body}"
    timestamp_field "t"; signature_field "v1"; tolerance 60
  }
  resource orders { id $.id }
}
connector chat is push {
  auth hmac {
    secret secret.HOOK; header "X-Sig"; message "v0:{timestamp}:{body}"; prefix "v0="; encoding "base64"; algorithm "sha512"
    timestamp_header "X-Time"
  }
  resource orders { id $.id }
}
connector old is push {
  auth basic { user "ada"; password secret.PASS }
  resource orders { format ndjson; id $.id }
}
connector new is push {
  auth bearer { token secret.PASS }
  resource orders { id $.id }
}
connector key is push {
  auth api_key { header "X-Key"; key secret.PASS }
  resource orders { id $.id }
}
connector open is push {
  auth none
  resource orders { id $.id }
}
"""
MAPS = "".join(
    f"map {name}.orders to Order {{ id = $.id; total = $.total }}\n"
    for name in ("events", "pay", "chat", "old", "new", "key", "open")
)
MERGE = "merge Order { same id of events, pay, chat, old, new, key, open; default prefer events, pay, chat, old, new, key, open }\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fieldmap.toml").write_text("")
    (tmp_path / "all.map").write_text(MAP + MAPS + MERGE)
    return tmp_path


class Served:
    def __init__(self, process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        self.process = process
        self.lines = lines
        self.seen: list[str] = []
        self.base = ""

    def until(self, text: str, seconds: float = 30) -> str:
        """Waits for a line with the text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                line = self.lines.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None and self.lines.empty():
                    break
                continue
            self.seen.append(line)
            if text in line:
                return line
        pytest.fail(f"never said {text!r}; said: {''.join(self.seen)}")

    def post(
        self, path: str, body: bytes, headers: dict[str, str] | None = None, kind: str = "application/json"
    ) -> httpx.Response:
        return httpx.post(
            self.base + path, content=body, headers={"Content-Type": kind, **(headers or {})}, trust_env=False
        )


@contextmanager
def serving(folder: Path, *options: str, database: Server | None = None) -> Iterator[Served]:
    environ = {**os.environ, **SECRETS, "PYTHONUNBUFFERED": "1"}
    if database is not None:
        environ["FIELDMAP_DATABASE_URL"] = database.url
    more = () if database is not None else ("--archive-only",)
    process = subprocess.Popen(
        [COMMAND, "serve", "--port", "0", *more, *options],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    served = Served(process, lines)
    try:
        served.base = served.until("listening at http://").split()[2].rpartition("/")[0].rpartition("/")[0]
        # The socket listens already; the service answers a moment later.
        yield served
    finally:
        process.kill()
        process.wait()
        reading.join(10)
        assert process.stdout is not None
        process.stdout.close()


def signature(body: bytes) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(b"canary-hook", body, "sha256").hexdigest()}


def archived(folder: Path, resource: str) -> list[bytes]:
    return [item.body for item in Archive(folder / "archive", Ports.real()).read(resource, None)]


def test_who_may_push(folder: Path) -> None:
    now = int(time.time())
    body = b'{"id":"1"}'

    def stripe(at: int, text: bytes = body) -> dict[str, str]:
        mac = hmac.new(b"canary-hook", b"%d." % at + text, "sha256").hexdigest()
        return {"Stripe-Signature": f"t={at},v1={'0' * 64},v1={mac},v0=x"}

    def chat(at: int) -> dict[str, str]:
        mac = hmac.new(b"canary-hook", b"v0:%d:" % at + body, "sha512").digest()
        return {"X-Sig": "v0=" + base64.b64encode(mac).decode(), "X-Time": str(at)}

    basic = {"Authorization": "Basic " + base64.b64encode(b"ada:canary-pass").decode()}
    good = [
        ("/events/orders", signature(body)),
        ("/pay/orders", stripe(now)),
        ("/chat/orders", chat(now)),
        ("/new/orders", {"Authorization": "bearer canary-pass"}),
        ("/key/orders", {"X-Key": "canary-pass"}),
        ("/open/orders", {}),
    ]
    bad = [
        ("/events/orders", {}, "X-Hub-Signature-256 has no signature"),
        ("/events/orders", signature(b"other"), "the signature is not that of this body"),
        ("/events/orders", {"X-Hub-Signature-256": signature(body)["X-Hub-Signature-256"][7:]}, "has no signature"),
        ("/pay/orders", stripe(now, b"other"), "the signature is not that of this body"),
        ("/pay/orders", stripe(now - 100), "the time of the signature is more than 60 s off"),
        ("/pay/orders", {"Stripe-Signature": "v1=abc"}, "the time of the signature is missing"),
        ("/pay/orders", {"Stripe-Signature": "t=1e9,v1=abc"}, "the time of the signature is missing"),
        ("/chat/orders", {**chat(now), "X-Time": str(now + 1)}, "the signature is not that of this body"),
        ("/old/orders", {**basic, "Authorization": "Basic x"}, "user and password are missing or wrong"),
        ("/new/orders", {"Authorization": "Basic canary-pass"}, "the token is missing or wrong"),
        ("/new/orders", {"Authorization": "Bearer é"}, "the token is missing or wrong"),
        ("/key/orders", {}, "X-Key is missing or wrong"),
    ]
    with serving(folder) as served:
        for path, headers in good:
            answer = served.post(path, body, headers)
            assert (answer.status_code, answer.json()["stored"]) == (200, True), path
        lines = b'{"id":"1"}\n{"id":"2"}\n'
        assert served.post("/old/orders", lines, basic, "application/x-ndjson").status_code == 200
        for path, headers, words in bad:
            kind = "application/x-ndjson" if path.startswith("/old") else "application/json"
            raw = {name: value.encode() for name, value in headers.items()}
            answer = served.post(path, body, raw, kind)  # type: ignore[arg-type]
            assert (answer.status_code, words in answer.json()["error"]) == (401, True), (path, answer.text)
            assert ("www-authenticate" in answer.headers) == path.startswith(("/old", "/new"))
        twice = [("Content-Type", "application/json"), *(signature(body).items()), *(signature(b"x").items())]
        assert (
            httpx.post(served.base + "/events/orders", content=body, headers=twice, trust_env=False).status_code == 401
        )
        served.process.send_signal(signal.SIGTERM)
        served.until("stopped after 7 deliveries; all of them are in the archive")
        assert served.process.wait(10) == 0
    for path, _ in good:
        assert archived(folder, path[1:].replace("/", ".")) == [body]
    everything = "".join(served.seen) + str([path.read_bytes() for path in folder.rglob("*.zst")])
    assert "canary" not in everything
    assert '"id"' not in "".join(served.seen)


def test_what_is_not_taken_in_words(folder: Path) -> None:
    body = b'{"id":"1"}'
    with serving(folder, "open.orders", "--largest", "1") as served:
        get = httpx.get(served.base + "/open/orders", trust_env=False)
        assert (get.status_code, get.headers["allow"], get.json()["error"]) == (
            405,
            "POST",
            "a delivery is sent with POST",
        )
        assert httpx.get(served.base + "/health", trust_env=False).json() == {"status": "ok"}
        for path in ("/", "/open", "/open/orders/", "/events/orders", "/%2e%2e/x"):
            assert served.post(path, body).status_code == 404
        strange = served.post("/open/orders", body, kind="text/plain")
        assert (strange.status_code, strange.json()["error"]) == (
            415,
            "the body is to be json: send Content-Type: application/json",
        )
        assert served.post("/open/orders", body, {"Content-Encoding": "gzip"}).status_code == 415
        assert served.post("/open/orders", body, kind="application/vnd.x+json; charset=utf-8").status_code == 200
        assert served.post("/open/orders", b" \n").json()["error"] == "the body is empty"
        large = served.post("/open/orders", b" " * (1 << 20) + b"1")
        assert (large.status_code, large.json()["error"]) == (413, "the body has more than 1,048,576 bytes")

        def pieces() -> Iterator[bytes]:
            for _ in range(17):
                yield b" " * (1 << 16)

        chunked = httpx.post(
            served.base + "/open/orders",
            content=pieces(),
            headers={"Content-Type": "application/json"},
            trust_env=False,
        )
        assert chunked.status_code == 413
        # Who hangs up in the middle leaves nothing behind.
        host, port = served.base.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as hasty:
            hasty.sendall(
                b"POST /open/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"
            )
        assert served.post("/open/orders", body).status_code == 200
    assert archived(folder, "open.orders") == [body, body]


def test_deliveries_are_loaded_and_harmless_when_they_come_again(folder: Path, database: Server) -> None:
    with serving(folder, "--every", "1s", database=database) as served:
        for number in range(5):
            body = b'{"id":"%d","total":%d}' % (number, number)
            assert served.post("/events/orders", body, signature(body)).status_code == 200
            assert served.post("/events/orders", body, signature(body)).status_code == 200
        broken = b'{"id":"9",'
        assert served.post("/events/orders", broken, signature(broken)).status_code == 200
        end, found = time.monotonic() + 30, list[tuple[object, ...]]()
        while time.monotonic() < end and len(found := _orders(database)) < 5:
            time.sleep(0.2)
        assert found == [(str(number), f"{number}.00") for number in range(5)]
        served.until("dead letter")
        other = subprocess.run(
            [COMMAND, "ingest", "events.orders"],
            cwd=folder,
            input=b"{}",
            capture_output=True,
            check=False,
            env={**os.environ, "FIELDMAP_DATABASE_URL": database.url},
        )
        assert other.returncode == 3
        assert b"is being written by process" in other.stderr
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(20) == 0


def test_a_sync_loads_beside_a_service_that_only_archives(folder: Path, database: Server) -> None:
    def said(*arguments: str) -> str:
        environ = {**os.environ, "FIELDMAP_DATABASE_URL": database.url}
        done = subprocess.run(
            [COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False, env=environ
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    with serving(folder, "events.orders") as served:
        for number in range(3):
            body = b'{"id":"%d","total":%d}' % (number, number)
            assert served.post("/events/orders", body, signature(body)).status_code == 200
            said("sync", "events.orders")
            assert len(_orders(database)) == number + 1
        assert "being written" not in said("sync", "--wait", "events.orders")


def test_the_service_ends_soon_in_the_middle_of_a_large_batch(folder: Path, database: Server) -> None:
    environ = {**os.environ, **SECRETS, "FIELDMAP_DATABASE_URL": database.url}
    lines = b"".join(b'{"id":"%d","total":1}\n' % number for number in range(300_000))
    command = [COMMAND, "ingest", "old.orders", "--archive-only"]
    subprocess.run(command, cwd=folder, env=environ, input=lines, check=True, capture_output=True)
    with serving(folder, database=database) as served:
        end = time.monotonic() + 30
        while time.monotonic() < end and rows(database, "SELECT to_regclass('fieldmap.runs')") == [(None,)]:
            time.sleep(0.1)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(15) == 0
        served.until("stopped after 0 deliveries")
    assert "Traceback" not in "".join(served.seen)


def _orders(database: Server) -> list[tuple[object, ...]]:
    if rows(database, "SELECT to_regclass('canonical.order')") == [(None,)]:
        return []
    return rows(database, 'SELECT id, total::text FROM canonical."order" ORDER BY id')


def test_what_was_acknowledged_survives_a_kill(folder: Path) -> None:
    """Eight senders push until the process is killed: each delivery that was answered with 200 is in the archive, whole."""
    acknowledged: list[bytes] = []
    with serving(folder, "open.orders") as served:
        stop = threading.Event()

        def push(sender: int) -> None:
            with httpx.Client(trust_env=False) as client:
                for number in range(100_000):
                    body = json.dumps({"id": f"{sender}-{number}", "x": "y" * 2000}).encode()
                    try:
                        answer = client.post(
                            served.base + "/open/orders", content=body, headers={"Content-Type": "application/json"}
                        )
                    except httpx.TransportError:
                        return
                    if answer.status_code == 200:
                        acknowledged.append(body)
                    if stop.is_set():
                        return

        threads = [threading.Thread(target=push, args=(sender,)) for sender in range(8)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 20
        while len(acknowledged) < 300 and time.monotonic() < end:
            time.sleep(0.02)
        served.process.kill()
        stop.set()
        for thread in threads:
            thread.join(20)
    assert len(acknowledged) >= 300
    kept = archived(folder, "open.orders")
    assert set(acknowledged) <= set(kept)
    # The next one cuts what was torn, marks what was left, and goes on.
    with serving(folder, "open.orders") as served:
        assert served.post("/open/orders", b'{"id":"last"}').status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0
    after = archived(folder, "open.orders")
    assert after[: len(kept)] == kept
    assert after[-1] == b'{"id":"last"}'
    marks = list(Archive(folder / "archive", Ports.real()).closed_sweeps("open.orders"))
    assert sum(mark.pages for mark in marks) == len(after)


def test_mistakes_of_an_operator(folder: Path) -> None:
    def said(*options: str, **environ: str) -> tuple[int, str]:
        done = subprocess.run(
            [COMMAND, "serve", *options],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, **SECRETS, **environ},
            check=False,
            timeout=60,
        )
        return done.returncode, " ".join(done.stderr.split())

    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, text = said("--archive-only", "--port", str(taken.getsockname()[1]))
    assert code == 2
    assert "cannot be listened at" in text
    assert "choose another --port or --host" in text
    code, text = said("--archive-only", HOOK="")
    assert (code, "needs the environment variable HOOK (secret); set it" in text) == (2, True)
    code, text = said("nobody.there")
    assert (code, "nobody.there is no resource of a connector that is push" in text) == (2, True)
    code, text = said("--every", "never")
    assert (code, "--every never is no length of time" in text) == (2, True)
    (folder / "all.map").write_text(MAP.replace("  auth none\n", "") + MAPS + MERGE)
    code, text = said()
    assert code == 2
    assert "The connector open does not say who may push; give it an auth" in text


def test_signatures_are_compared_whole() -> None:
    """A value that begins with the signature, or is a part of it, is none."""
    from fieldmap.runtime.acquire.senders import Sender
    from fieldmap.runtime.plan import Composed, PushConnector, SecretRef, Signed
    from fieldmap.runtime.ports import SystemClock

    signed = Signed(secret=Composed((SecretRef("HOOK"),)), header="X-S")
    sender = Sender(PushConnector(name="x", auth=signed), {"HOOK": "k"}, SystemClock())
    good = hmac.new(b"k", b"body", hashlib.sha256).hexdigest()
    assert sender.refusal([(b"x-s", good.upper().encode())], b"body") == ""
    for wrong in (good[:-1], good + "0", "", "\xff", good[:-1] + ("0" if good[-1] != "0" else "1")):
        assert sender.refusal([(b"x-s", wrong.encode("latin-1"))], b"body") != ""
    assert sender.refusal([(b"x-s", good.encode())], b"body ") != ""
