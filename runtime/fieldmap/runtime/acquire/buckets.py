"""A bucket of S3, or of a service that speaks as S3 does, as a shelf. An object's version is its ETag, and asked for with it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from fieldmap.runtime.acquire.addresses import ALLOWED, allowed_hosts, connectable
from fieldmap.runtime.acquire.requests import HTTP_ALLOWED
from fieldmap.runtime.acquire.shelves import ChangedError, Found, Pattern
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import S3, Composed, FilesConnector
from fieldmap.runtime.ports import TransportError
from fieldmap.runtime.secrets import Secret, references, resolve_all

if TYPE_CHECKING:
    from obstore.store import S3Store

_BUCKET: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_TIMEOUT: Final = timedelta(seconds=60)
_LONGEST: Final = timedelta(seconds=240)  # that a request is repeated for
_CHUNK: Final = 4 << 20
_STATUS: Final = re.compile(r"\b(?:status:?|error|code:?)\D{0,12}([345]\d\d)\b|\b([345]\d\d) [A-Z][a-z]+")


class Bucket:
    def __init__(self, connector: FilesConnector, folder: str, environ: Mapping[str, str]) -> None:
        """Raises UsageError. Nothing is asked yet."""
        found = _BUCKET.fullmatch(folder)
        if found is None:
            raise UsageError(f"{folder} of the connector {connector.name} is no bucket; write s3://bucket/prefix")
        self.shown = folder
        self._who = f"The bucket {found[1]} of the connector {connector.name}"
        self._prefix = (found[2] or "").strip("/")
        self._prefix += "/" if self._prefix else ""
        self._bucket = found[1]
        s3 = connector.s3 or S3()
        written = {
            name: getattr(s3, name) for name in ("endpoint", "region", "access_key", "secret_key", "session_token")
        }
        self._named = " and ".join(
            one
            for name in ("access_key", "secret_key")
            if (text := written[name]) is not None
            for one in references(text)
        )
        values = resolve_all(
            connector.name, {name: text for name, text in written.items() if isinstance(text, Composed)}, environ
        )
        plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}
        region = plain.setdefault("region", "us-east-1")
        # Always said, or a variable of the environment would lead elsewhere.
        plain["endpoint"] = _endpoint(
            connector.name, plain.get("endpoint", f"https://s3.{region}.amazonaws.com"), environ
        )
        self._endpoint = plain["endpoint"]
        self._allowed = allowed_hosts(environ.get(ALLOWED, ""))
        self._store = _store(connector, self._bucket, plain)

    def files(self, pattern: Pattern) -> Iterator[Found]:
        import obstore

        _judge(self._endpoint, self._allowed, self._who)
        # The listing comes in pages, of which one is held.
        pages = obstore.list(self._store, prefix=(self._prefix + pattern.constant) or None)
        while True:
            with self._told("list"):
                page = next(pages, None)
            if page is None:
                return
            for item in page:
                name = item["path"].removeprefix(self._prefix)
                if pattern.fits(name) or pattern.marks(name):
                    # Without an ETag nothing tells one content from another.
                    version = item["e_tag"] or item["version"] or ""
                    yield Found(name, item["size"], item["last_modified"].timestamp(), version, fresh=not version)

    @contextlib.contextmanager
    def open(self, found: Found) -> Iterator[_Object]:
        import obstore

        with self._told(f"read {found.name}"):
            options: Any = {"if_match": found.version} if found.version else {}
            result = obstore.get(self._store, self._prefix + found.name, options=options)
            if result.meta["size"] != found.size:
                raise ChangedError
            stream = iter(result.stream(min_chunk_size=_CHUNK))
        yield _Object(self, found, stream)

    def url(self, name: str) -> str:
        return f"s3://{self._bucket}/{quote(self._prefix + name)}"

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What went wrong, as a sentence without anything that the service said of itself."""
        from obstore import exceptions

        try:
            yield
        except exceptions.PreconditionError:
            raise ChangedError from None
        except FileNotFoundError:
            raise self._refusal(404, what) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
            raise self._refusal(403, what) from None
        except exceptions.BaseError as error:
            status = _STATUS.search(str(error))
            raise self._refusal(int(status[1] or status[2]) if status else 0, what, str(error)) from None

    def _refusal(self, status: int, what: str, text: str = "") -> Exception:
        """What the service said of itself is not repeated: it may hold what was sent."""
        if status == 404 and what != "list":
            return ChangedError()
        if status == 404:
            return SourceError(
                f"{self._who} is not there; check its folder {self.shown}, and the region and endpoint of s3"
            )
        if status in (401, 403):
            check = f"check {self._named}, and that they may list and read it" if self._named else "give s3 its keys"
            return SourceError(f"{self._who} refused to be read ({what}: {status}); {check}")
        if status:
            return SourceError(f"{self._who} could not be read ({what}): it answered {status}; run again later")
        return SourceError(f"{self._who} could not be read ({what}): {_reason(text.lower())}")


class _Object:
    """Reads the object that was asked for by its version: a change of it ends nothing, since the answer is one of before."""

    def __init__(self, bucket: Bucket, found: Found, stream: Iterator[Any]) -> None:
        self._bucket = bucket
        self._found = found
        self._stream = stream
        self._left = b""
        self._got = 0

    def read(self, size: int) -> bytes:
        parts = [self._left]
        have = len(self._left)
        while have < size:
            with self._bucket._told(f"read {self._found.name}"):
                chunk = next(self._stream, None)
            if chunk is None:
                if self._got != self._found.size:
                    raise SourceError(
                        f"{self._found.name} in {self._bucket.shown} ended after {self._got:,} of {self._found.size:,} bytes; run again"
                    )
                break
            parts.append(bytes(chunk))
            have += len(parts[-1])
            self._got += len(parts[-1])
        data = b"".join(parts)
        self._left = data[size:]
        return data[:size]

    def changed(self) -> bool:
        return False


def _store(connector: FilesConnector, bucket: str, values: Mapping[str, str]) -> S3Store:
    from obstore.store import S3Store

    config: Any = {
        "region": values["region"],
        "endpoint": values["endpoint"],
        "virtual_hosted_style_request": False,
    }
    client: Any = {
        "timeout": _TIMEOUT,
        "connect_timeout": timedelta(seconds=10),
        "allow_http": values["endpoint"].startswith("http://"),
    }
    if "access_key" in values:
        config |= {"access_key_id": values["access_key"], "secret_access_key": values["secret_key"]}
        if "session_token" in values:
            config["session_token"] = values["session_token"]
    else:
        config["skip_signature"] = True
    retry: Any = {
        "max_retries": connector.retry.times,
        "retry_timeout": _LONGEST,
        "backoff": {
            "init_backoff": timedelta(milliseconds=connector.retry.first_ms),
            "max_backoff": timedelta(milliseconds=connector.retry.longest_ms),
            "base": 2,
        },
    }
    return S3Store(bucket, config=config, client_options=client, retry_config=retry)


def _endpoint(connector: str, endpoint: str, environ: Mapping[str, str]) -> str:
    """Without its slash at the end. Keys and data go over https only, but to this machine and hosts that an operator names."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise UsageError(f"The endpoint of s3 in the connector {connector} is no address; write https://host")
    open_ones = {"localhost", "127.0.0.1", "::1", *allowed_hosts(environ.get(HTTP_ALLOWED, ""))}
    if parts.scheme == "http" and parts.hostname not in open_ones:
        raise UsageError(
            f"The endpoint of s3 in the connector {connector} is not https, so all could be read on its way; use https,"
            f" or name the host in {HTTP_ALLOWED}"
        )
    return endpoint.rstrip("/")


def _judge(endpoint: str, allowed: frozenset[str], who: str) -> None:
    """Raises SourceError if the address is one that no source has on the internet."""
    parts = urlsplit(endpoint)
    try:
        connectable(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), allowed)
    except TransportError as error:
        raise SourceError(f"{who} {error.reason}") from None
    except OSError:
        raise SourceError(
            f"{who} could not be read: the name {parts.hostname} is not known; check the endpoint and region of s3"
        ) from None


def _reason(text: str) -> str:
    """Of an error of many lines in lower case what a person can use."""
    # How long it is tried stands in every error.
    text = text.replace("retry_timeout", "")
    if "timed out" in text or "timeout" in text:
        return "it did not answer in time; run again later"
    if "dns" in text:
        return "its name is not known; check the endpoint and region of s3"
    if "connect" in text:
        return "no connection came about; check the endpoint of s3, or run again later"
    return "the answer was not understood; check the endpoint of s3"
