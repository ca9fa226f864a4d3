"""API keys, signatures over requests, and certificates of clients."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.runtime.acquire.faultserver import FaultServer, reply
from tests.runtime.acquire.sources import LINK, QUICK, Source, connector, page, serving, text

from fieldmap.compiler.auths import SIGNED_PARTS
from fieldmap.runtime.acquire.lazy import LazyHttp
from fieldmap.runtime.acquire.signing import PARTS, canonical_request
from fieldmap.runtime.acquire.transport import BoundedHttp, tls_context
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import ApiKey, AwsSigV4, ClientTls, EnvRef, Hmac, HttpConnector, SecretRef
from fieldmap.runtime.ports import TlsFiles
from fieldmap.runtime.secrets import Secret

KEY = "k3y canary/+&"
ENVIRON = {"KEY": KEY, "ID": "AKIDEXAMPLE"}


def test_an_api_key_in_a_header(workday: Source) -> None:
    auth = ApiKey(name="X-Api-Key", key=text(SecretRef("KEY")), place="header")
    with serving(page(1, next="b"), page(2)) as server:
        workday.fetch(connector(server.url, auth=auth), ENVIRON)
        assert [item.headers["x-api-key"] for item in server.asked] == [KEY, KEY]


def test_an_api_key_in_the_query_goes_along_and_is_not_kept(workday: Source) -> None:
    auth = ApiKey(name="api_key", key=text(SecretRef("KEY")), place="query")
    with serving(page(1, next="?page=2"), page(2)) as server:
        got = workday.fetch(connector(server.url, LINK, auth=auth), ENVIRON)
        assert server.targets == [
            "/v1/workers?api_key=k3y%20canary%2F%2B%26",
            "/v1/workers?page=2&api_key=k3y%20canary%2F%2B%26",
        ]
    assert [item.url for item in got] == [
        f"{server.url}/v1/workers?api_key=***",
        f"{server.url}/v1/workers?page=***&api_key=***",
    ]


def test_a_refused_api_key_is_named(workday: Source) -> None:
    auth = ApiKey(name="X-Api-Key", key=text(SecretRef("KEY")), place="header")
    with (
        serving(reply({}, 403)) as server,
        pytest.raises(SourceError, match=r"refused the credentials \(it answered 403\); check secret.KEY"),
    ):
        workday.fetch(connector(server.url, auth=auth), ENVIRON)


def test_hmac_over_each_request(workday: Source) -> None:
    auth = Hmac(
        secret=text(SecretRef("KEY")),
        message="{timestamp}|{method}|{path}|{query}|{body_sha256}|{other}",
        header="X-Signature",
        encoding="base64",
        algorithm="sha512",
        prefix=text("v1="),
        timestamp_header="X-Timestamp",
        key_id=text(EnvRef("ID")),
        key_header="X-Key-Id",
    )
    with serving(page(1, next="b"), page(2)) as server:
        workday.fetch(connector(server.url, auth=auth), ENVIRON)
    for asked in server.asked:
        path, _, query = asked.target.partition("?")
        seconds = asked.headers["x-timestamp"]
        assert seconds == str(int(workday.clock.now().timestamp()))
        message = f"{seconds}|GET|{path}|{query}|{hashlib.sha256(b'').hexdigest()}|{{other}}"
        digest = hmac.new(KEY.encode(), message.encode(), "sha512").digest()
        assert asked.headers["x-signature"] == "v1=" + base64.b64encode(digest).decode()
        assert asked.headers["x-key-id"] == "AKIDEXAMPLE"
    assert server.asked[0].headers["x-signature"] != server.asked[1].headers["x-signature"]


def test_the_language_and_the_runtime_know_the_same_parts() -> None:
    assert SIGNED_PARTS == PARTS


def test_the_canonical_request_of_aws() -> None:
    """The case `get-vanilla-query-order-key-case` of AWS's own suite: its signature too."""
    made = canonical_request(
        "GET",
        "https://example.amazonaws.com/?Param2=value2&Param1=value1",
        {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z"},
        "",
    )
    assert hashlib.sha256(made.encode()).hexdigest() == (
        "816cd5b414d056048ba4f7c5386d6e0533120fb1fcfa93762cf0fc39e2cf19e0"
    )


def test_aws_signature_version_4(workday: Source) -> None:
    """The secret and day of AWS's suite; the request is ours, and the signature is computed from it again here."""
    auth = AwsSigV4(
        access_key=text(EnvRef("ID")),
        secret_key=text(SecretRef("AWS")),
        region=text("us-east-1"),
        service=text("execute-api"),
        session_token=text(SecretRef("SESSION")),
    )
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    workday.clock.at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    with serving(page(1, next="b c"), page(2)) as server:
        workday.fetch(connector(server.url, auth=auth), ENVIRON | {"AWS": secret, "SESSION": "session-canary"})
    for asked, query in zip(server.asked, ("", "cursor=b%20c"), strict=True):
        host = server.url.removeprefix("http://")
        canonical = (
            f"GET\n/v1/workers\n{query}\nhost:{host}\nx-amz-date:20150830T123600Z\n"
            f"x-amz-security-token:session-canary\n\nhost;x-amz-date;x-amz-security-token\n{hashlib.sha256(b'').hexdigest()}"
        )
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        signed = f"AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/execute-api/aws4_request\n{hashed}"
        key = b"AWS4" + secret.encode()
        for part in (b"20150830", b"us-east-1", b"execute-api", b"aws4_request"):
            key = hmac.digest(key, part, "sha256")
        assert asked.headers["authorization"] == (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/execute-api/aws4_request, "
            "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature="
            + hmac.digest(key, signed.encode(), "sha256").hex()
        )
        assert asked.headers["x-amz-security-token"] == "session-canary"


# ------------------------------------------------------------------------------------------------ mutual TLS


Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _issued(folder: Path, name: str, issuer: Issuer | None = None) -> Issuer:
    """A certificate and its key as files, signed by issuer or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer:
        built = built.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key()), critical=False
        ).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
    else:
        built = built.add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True
        )
    certificate = built.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(KEY.encode()) if name == "client" else serialization.NoEncryption(),
        )
    )
    return certificate, key


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    authority = _issued(tmp_path, "authority")
    for name in ("server", "client"):
        _issued(tmp_path, name, authority)
    return tmp_path


def test_mutual_tls(workday: Source, certificates: Path) -> None:
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates / "authority.pem")
    server_side.verify_mode = ssl.CERT_REQUIRED
    server_side.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    with FaultServer([page(1)], tls=server_side) as server:
        plan = connector(server.url)
        tls = ClientTls(
            certificate=text(str(certificates / "client.pem")),
            key=text(str(certificates / "client.key")),
            password=text(SecretRef("KEY")),
            roots=text(EnvRef("ROOTS")),
        )
        plan = HttpConnector(name=plan.name, base=plan.base, tls=tls, retry=plan.retry, resources=plan.resources)
        environ = ENVIRON | {"ROOTS": str(certificates / "authority.pem")}
        http = LazyHttp()
        try:
            made = Source(workday.root / "mutual", http)
            assert len(made.fetch(plan, environ)) == 1
        finally:
            http.close()
        bare = TlsFiles(roots=environ["ROOTS"])
        without = BoundedHttp(QUICK, tls=tls_context(bare))
        try:
            with pytest.raises(SourceError):
                Source(workday.root / "bare", without).fetch(connector(server.url))
        finally:
            without.close()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"certificate": "none.pem"}, "is not there or cannot be read: check .*none.pem"),
        ({"certificate": "client.pem", "key": "none.key"}, "is not there or cannot be read: check [^,]*none.key$"),
        ({"certificate": "client.key"}, "is no PEM that fits"),
        ({"certificate": "client.pem", "key": "server.key"}, "is no PEM that fits"),
        ({"roots": "client.key"}, "is no PEM that fits"),
    ],
)
def test_files_that_cannot_be_used(certificates: Path, files: dict[str, str], said: str) -> None:
    named = {name: str(certificates / file) for name, file in files.items()}
    with pytest.raises(UsageError, match=said):
        tls_context(TlsFiles(**named, password=Secret("wrong")))
