"""Group N of the fault catalogue: what can go wrong between a request and a whole answer. Real sockets throughout."""

from __future__ import annotations

import datetime
import gzip
import json
import socket
import ssl
import time
from pathlib import Path

import pytest
from tests.runtime.acquire.faultserver import FaultServer, Reply, raw, reply
from tests.runtime.acquire.sources import LINK, QUICK, Source, connector, page, serving, source, text
from tests.runtime.acquire.test_requests import plan

from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.acquire.transport import BoundedHttp, Limits
from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.plan import NoPages, RetryPolicy

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"data":[{"id":1}],"next":null}'
PACKED = gzip.compress(json.dumps({"data": list(range(20_000)), "next": None}).encode())


def sized(body: bytes, *, head: bytes = b"", length: int | None = None) -> Reply:
    announced = len(body) if length is None else length
    # Hung up only where bytes are missing: a connection that is closed while it waits costs the next request an attempt.
    return raw(HEAD + head + b"Content-Length: %d\r\n\r\n" % announced + body, close=announced != len(body))


def recovers(workday: Source, bad: Reply, said: str) -> None:
    """After one bad answer the next is taken; after nothing but bad ones the cause is told. Nothing bad is archived."""
    with serving(bad, page(1)) as server:
        assert len(workday.fetch(connector(server.url))) == 1
        assert len(server.asked) == 2
    with serving(bad) as server:
        with pytest.raises(SourceError, match=said) as caught:
            workday.fetch(connector(server.url, retry=RetryPolicy(times=2)))
        assert len(server.asked) == 3
        assert f"workday.workers at {server.url}/v1/workers " in str(caught.value)
    assert len(workday.archived()) == 1


@pytest.mark.parametrize(
    "bad",
    [
        sized(BODY, length=len(BODY) + 5),
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1f\r\n" + BODY + b"\r\n"),
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + BODY),
        raw(HEAD[:20]),
        raw(b""),
    ],
)
def test_N01_body_shorter_than_announced(workday: Source, bad: Reply) -> None:
    recovers(workday, bad, "broke off in the middle of its answer 3 times; see whether the source is in order")


def test_chunked_is_whole(workday: Source) -> None:
    with serving(raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))) as server:
        item = workday.fetch(connector(server.url))[0]
    assert (item.body, item.framed) == (BODY, True)


def test_N02_a_body_that_only_the_end_of_the_connection_ends(workday: Source) -> None:
    with serving(raw(HEAD + b"\r\n" + BODY)) as server:
        item = workday.fetch(connector(server.url))[0]
    assert (item.body, item.framed) == (BODY, False)
    assert [mark.framed for mark in workday.archive.closed_sweeps("workday.workers")] == [False]


ROWS = b"id,at\n1,2026-01-01T00:00:00Z\n2,2026-01-01T00:00:00Z\n"
LINES = 'get "/people"\n format csv\n changed $.at sent as "since"'


@pytest.mark.parametrize(
    ("head", "body", "moves"),
    [
        (b"", ROWS[:29], False),
        (b"Content-Length: %d\r\n" % len(ROWS), ROWS, True),
        # What is packed shows by itself that it is whole.
        (b"Content-Encoding: gzip\r\n", gzip.compress(ROWS, mtime=0), True),
    ],
)
def test_N02_a_position_stays_where_rows_may_have_been_cut(
    head: bytes, body: bytes, moves: bool, workday: Source, tmp_path: Path
) -> None:
    notes: list[str] = []
    with serving(raw(HEAD + head + b"\r\n" + body)) as server:
        made = plan(tmp_path, server.url, LINES)
        workday.fetch(made, resource="ns.people", wanted=Wanted(note=notes.append))
        workday.clock.pass_by(3600)
        workday.fetch(made, resource="ns.people")
    assert bool(workday.archive.standing("ns.people").through) is moves
    assert ["since=" in target for target in server.targets] == [False, moves]
    assert any(note.startswith("the position stays") for note in notes) is not moves


def test_N02_and_it_is_cut(workday: Source) -> None:
    with serving(raw(HEAD + b"\r\n" + BODY[:-4])) as server, pytest.raises(SourceError, match="not JSON"):
        workday.fetch(connector(server.url))
    assert workday.archived() == []


GZIP = b"Content-Encoding: gzip\r\n"


@pytest.mark.parametrize("cut", [1, 4, 8, 9, len(PACKED) // 2, len(PACKED) - 5, len(PACKED)])
def test_N03_gzip_cut_before_trailer(workday: Source, cut: int) -> None:
    recovers(workday, sized(PACKED[:-cut], head=GZIP), "cannot be unpacked: the body")


def test_N03_gzip_with_a_wrong_checksum(workday: Source) -> None:
    recovers(workday, sized(PACKED[:-8] + b"1234" + PACKED[-4:], head=GZIP), "not the gzip stream")


def test_gzip_is_archived_as_received(workday: Source) -> None:
    with serving(sized(PACKED, head=GZIP)) as server:
        item = workday.fetch(connector(server.url))[0]
    assert item.body == PACKED
    again = workday.archived()[0]
    assert again.headers["content-encoding"] == "gzip"
    assert again.content() == item.content() == gzip.decompress(PACKED)


def test_N04_gzip_of_several_members(workday: Source) -> None:
    body = gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n')
    with serving(sized(body, head=GZIP)) as server:
        item = workday.fetch(connector(server.url, NoPages(), format="ndjson"))[0]
    assert item.content() == b'{"a":1}\n{"a":2}\n'


def test_N05_a_bomb(workday: Source) -> None:
    bomb = gzip.compress(bytes(50 << 20), 9)
    with serving(sized(bomb, head=GZIP)) as server:
        with pytest.raises(SourceError, match="unpacks to more than 256 MiB or 200 times its size; ask for less"):
            workday.fetch(connector(server.url))
        assert len(server.asked) == 1


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "deflate"])
def test_N05_other_and_nested_codings(workday: Source, coding: str) -> None:
    answer = sized(BODY, head=b"Content-Encoding: " + coding.encode() + b"\r\n")
    with serving(answer) as server:
        with pytest.raises(SourceError, match="only gzip was offered"):
            workday.fetch(connector(server.url))
        assert len(server.asked) == 1


def test_N05_a_body_beyond_the_limit(workday: Source) -> None:
    big = b'"' + b"x" * (QUICK.body + 10) + b'"'
    for answer in (sized(b"", length=len(big)), raw(HEAD + b"\r\n" + big)):
        with serving(answer) as server:
            with pytest.raises(
                SourceError, match="a body of more than 1 MiB; ask for less at a time, by smaller pages"
            ):
                workday.fetch(connector(server.url))
            assert len(server.asked) == 1


ONCE = RetryPolicy(times=0)


def took(workday: Source, answer: Reply, said: str) -> float:
    with serving(answer) as server:
        began = time.monotonic()
        with pytest.raises(SourceError, match=said):
            workday.fetch(connector(server.url, retry=ONCE))
        return time.monotonic() - began


def drip(data: bytes, pause: float) -> list[bytes | float]:
    return [piece for byte in data for piece in (bytes([byte]), pause)]


def test_N06_slow_drip_of_the_body(workday: Source) -> None:
    answer = raw(HEAD + b"Content-Length: 100\r\n\r\n", *drip(b"x" * 100, 0.05))
    assert took(workday, answer, "sent less than 1,024 bytes a second") < 1.4


def test_N06_slow_drip_of_the_headers(workday: Source) -> None:
    assert took(workday, raw(*drip(HEAD * 3, 0.05)), "sent less than 1,024 bytes a second") < 1.4


def test_N06_a_drip_just_fast_enough_meets_the_deadline(tmp_path: Path) -> None:
    limits = Limits(total=0.5, connect=1.0, idle=0.4, rate=10, grace=0.1, body=1 << 20)
    with source(tmp_path, limits) as workday:
        answer = raw(HEAD + b"Content-Length: 1000\r\n\r\n", *drip(b"x" * 100, 0.03))
        assert took(workday, answer, "did not finish its answer within 0.5 seconds") < 1.2


def test_N06_silence(workday: Source) -> None:
    assert took(workday, raw(0.8), "did not answer within 0.5 seconds") < 1.3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_N07_redirects_are_not_followed(workday: Source, status: int) -> None:
    with serving(page(1)) as other, serving(reply(b"", status, {"Location": f"{other.url}/?token=abc"})) as server:
        with pytest.raises(SourceError, match=f"answered {status}, a redirect, and none is followed") as caught:
            workday.fetch(connector(server.url, headers=(("X-Api-Key", text("k")),)))
        assert len(server.asked) == 1
        assert other.asked == []
    assert "abc" not in str(caught.value)


def test_N09_proxies_of_the_environment_are_not_used(workday: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(page(9)) as proxy, serving(page(1)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        workday.fetch(connector(server.url))
        assert proxy.asked == []
        assert len(server.asked) == 1


def test_N10_conflicting_lengths_and_oversized_headers(workday: Source) -> None:
    recovers(workday, raw(HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"), "not HTTP/1.1")
    with serving(raw(HEAD + b"X: " + b"y" * 200_000 + b"\r\n\r\n")) as server, pytest.raises(SourceError):
        workday.fetch(connector(server.url))
    with serving(raw(b"SSH-2.0-OpenSSH\r\n\r\n")) as server, pytest.raises(SourceError, match=r"not HTTP/1\.1"):
        workday.fetch(connector(server.url))


def test_N10_odd_headers_and_addresses_can_be_archived(workday: Source) -> None:
    odd = b'ETag: "a\tb"\r\nLast-Modified: ' + b"x" * 50_000 + b"\r\nDate: \xe4\x85\r\nContent-Type: text/x\r\n"
    link = "?" + "ä" * 5_000
    body = json.dumps({"next": link}).encode()
    with serving(sized(body, head=odd), page(1)) as server:
        got = workday.fetch(connector(server.url, LINK))
    assert got[0].headers == {
        "content-length": str(len(body)),
        "content-type": "application/json, text/x",
        "date": "\xe4\x85",
        "etag": '"a b"',
    }
    assert len(got[1].url) <= 8000
    assert workday.archived() == got


def test_N11_reset_in_the_middle_of_each_answer(workday: Source) -> None:
    broken = raw(HEAD + b"Content-Length: 500\r\n\r\n" + BODY, 0.02, reset=True)
    with serving(page(1, next="b"), broken) as server:
        with pytest.raises(SourceError, match=r"(broke the connection|broke off .*) 4 times"):
            workday.fetch(connector(server.url))
        assert len(server.asked) == 1 + 4
    assert [item.page for item in workday.archived()] == [1]
    assert workday.closed() == []


def test_N13_nothing_listens(workday: Source) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceError) as caught:
        workday.fetch(connector(f"http://127.0.0.1:{port}"))
    assert str(caught.value) == (
        f"workday.workers at http://127.0.0.1:{port}/v1/workers refused the connection 4 times;"
        " see whether the source is in order, and run again"
    )


def test_N13_a_name_without_an_address(workday: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceError, match="has no address: its name could not be resolved"):
        workday.fetch(connector("http://workday.invalid", retry=ONCE))


def certificate(folder: Path, days: int) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a certificate of its own, valid for so many days, and of a client that trusts it."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(public + private)
    serving_with = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving_with.load_cert_chain(folder / "both.pem")
    return serving_with, ssl.create_default_context(cadata=public.decode())


def test_N13_certificates_are_verified(tmp_path: Path) -> None:
    trusted, client = certificate(tmp_path, 10)
    with source(tmp_path, tls=client) as workday, FaultServer([page(1)], tls=trusted) as server:
        assert len(workday.fetch(connector(server.url))) == 1
    with source(tmp_path) as workday, FaultServer([page(1)], tls=trusted) as server:
        with pytest.raises(
            SourceError, match=r"showed a TLS certificate that is not valid .* name the authority to trust: tls { roots"
        ):
            workday.fetch(connector(server.url))
        assert server.asked == []
    expired, client = certificate(tmp_path, -5)
    with source(tmp_path, tls=client) as workday, FaultServer([page(1)], tls=expired) as server:
        with pytest.raises(SourceError, match="expired"):
            workday.fetch(connector(server.url))
        assert server.asked == []


def test_the_libraries_do_not_log_addresses(caplog: pytest.LogCaptureFixture, workday: Source) -> None:
    with caplog.at_level("DEBUG"), serving(page(1)) as server:
        workday.fetch(connector(server.url))
    assert caplog.records == []


def test_connections_are_kept_between_pages(workday: Source) -> None:
    with serving(page(1, next="b"), page(2, next="c"), page(3)) as server:
        workday.fetch(connector(server.url))
        assert len(server._open) == 1


def test_http_is_loaded_with_the_first_request() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from fieldmap.runtime.ports import Ports; import fieldmap.runtime.acquire, fieldmap.runtime.archive;"
        "Ports.real(); assert not {'httpx', 'zstandard', 'fastwarc', 'authlib', 'lark', 'pint'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_real_port_closes() -> None:
    BoundedHttp().close()


BIG = json.dumps({"data": [{"id": number, "note": "n" * 900} for number in range(900)], "next": None}).encode()


@pytest.mark.parametrize("split", [1, len(BIG) // 2, len(BIG) - 1, len(BIG)])
def test_a_body_that_comes_in_many_pieces_is_whole(workday: Source, split: int) -> None:
    head = HEAD + b"Content-Length: %d\r\n\r\n" % len(BIG)
    with serving(raw(head, 0.02, BIG[:split], 0.02, BIG[split:], close=False)) as server:
        assert workday.fetch(connector(server.url))[0].body == BIG
    assert workday.archived()[0].body == BIG


def test_N01_a_large_body_that_lacks_its_last_byte(workday: Source) -> None:
    recovers(workday, sized(BIG[:-1], length=len(BIG)), "broke off in the middle of its answer 3 times")


def test_what_comes_behind_a_body_answers_nothing(workday: Source) -> None:
    """A source, or who stands between, could slip a page of its own under the next request."""
    first, forged = json.dumps({"data": [], "next": "b"}).encode(), json.dumps({"data": [{"id": 666}]}).encode()
    behind = HEAD + b"Content-Length: %d\r\n\r\n" % len(forged) + forged
    sent = HEAD + b"Content-Length: %d\r\n\r\n" % len(first) + first + behind
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(first), first) + behind
    for answer in (sent, chunked):
        with serving(raw(answer, close=False), page(2)) as server:
            got = workday.fetch(connector(server.url))
            assert [item.body for item in got] == [first, json.dumps({"data": [{"id": 2}], "next": None}).encode()]
            assert (len(server.asked), len(server._open)) == (2, 2)


@pytest.mark.parametrize("head", [HEAD + b"Connection: Close\r\n", HEAD.replace(b"/1.1", b"/1.0")])
def test_a_connection_that_is_to_be_closed_is_not_asked_again(workday: Source, head: bytes) -> None:
    first = json.dumps({"data": [], "next": "b"}).encode()
    answer = raw(head + b"Content-Length: %d\r\n\r\n" % len(first) + first, close=False)
    with serving(answer, page(2)) as server:
        assert [item.framed for item in workday.fetch(connector(server.url, retry=ONCE))] == [True, True]
        assert (len(server.asked), len(server._open)) == (2, 2)


def test_a_connection_that_the_source_has_closed_is_not_asked_again(workday: Source) -> None:
    first = json.dumps({"data": [], "next": "b"}).encode()
    answer = raw(HEAD + b"Content-Length: %d\r\n\r\n" % len(first) + first, close=True)
    with serving(answer, page(2)) as server:
        plan = connector(server.url, retry=ONCE)
        with workday.archive.writer("workday.workers") as writer:
            items = acquire(plan, "workday.workers", writer=writer, ports=workday.ports, environ={})
            next(items)
            time.sleep(0.1)
            assert len(list(items)) == 2
        assert len(server.asked) == 2


@pytest.mark.parametrize("status", [204, 304])
def test_what_has_no_body_waits_for_none(workday: Source, status: int) -> None:
    """Whatever length it states."""
    empty = raw(b"HTTP/1.1 %d Whatever\r\nContent-Length: 50\r\n\r\n" % status, close=False)
    with serving(empty) as server, pytest.raises(SourceError, match=r"answered (204 with an empty body|304)"):
        workday.fetch(connector(server.url, retry=ONCE))


def test_what_is_told_before_the_answer_is_passed_over(workday: Source) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with serving(raw(early, sized(BODY).pieces[0], close=False)) as server:
        assert workday.fetch(connector(server.url))[0].body == BODY


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=iso-8859-1", "; charset=nonsense"])
def test_N12_json_is_utf_8(workday: Source, charset: str) -> None:
    """Also where the header says otherwise, as RFC 8259 has it; UTF-16 is refused and not guessed."""
    for body in (b'\xef\xbb\xbf{"name":"\xc3\xa4"}', b'{"name":"\xc3\xa4"}'):
        with serving(reply(body, content_type=f"application/json{charset}")) as server:
            assert workday.fetch(connector(server.url, NoPages()))[0].body == body
    wide = '{"name":"x"}'.encode("utf-16")
    with serving(reply(wide)) as server, pytest.raises(SourceError, match="a body that is not JSON"):
        workday.fetch(connector(server.url))


def test_N15_a_304_is_no_page(workday: Source) -> None:
    with serving(raw(b"HTTP/1.1 304 Not Modified\r\n\r\n", close=False)) as server:
        with pytest.raises(SourceError, match="answered 304"):
            workday.fetch(connector(server.url))
        assert "if-none-match" not in server.asked[0].headers
        assert "if-modified-since" not in server.asked[0].headers
    assert workday.archived() == []
