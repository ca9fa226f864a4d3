"""A plan's requests: addresses and headers put together at run time, each with the text by which it may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, urljoin, urlsplit, urlunsplit

from fieldmap.runtime.acquire import auth, bodies, elsewhere, holes
from fieldmap.runtime.acquire.holes import Known
from fieldmap.runtime.acquire.redaction import Redaction
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import (
    ApiKey,
    ClientTls,
    Composed,
    CursorPages,
    HttpConnector,
    HttpResource,
    KeysetPages,
    LinkHeaderPages,
    NoAuth,
    NoPages,
    NumberPages,
    OffsetPages,
)
from fieldmap.runtime.ports import TlsFiles
from fieldmap.runtime.secrets import REDACTED, Secret, resolve_each

_ACCEPT: Final = {
    "json": "application/json",
    "ndjson": "application/x-ndjson, application/jsonl, application/json",
    "csv": "text/csv",
    "fixed": "text/plain",
    "xml": "application/xml, text/xml;q=0.9",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_PACKED: Final = {"zip": "application/zip", "gzip": "application/gzip"}
# Set by the transport, or decided here: a plan that sets them breaks the framing or the decoding.
_RESERVED: Final = frozenset(("accept-encoding", "connection", "content-length", "host", "transfer-encoding"))
_PATH: Final = "/%:@!$&'()*+,;=~\0\1"  # characters of a path that stay, and those of holes
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HEADER: Final = re.compile(r"[0-9A-Za-z!#$%&'*+.^_`|~-]{1,200}")
_NO_LINK: Final = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST_LINK: Final = 16 << 10
HTTP_ALLOWED: Final = "FIELDMAP_HTTP_HOSTS"
_LOOPBACK: Final = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One page to ask for. shown: its address as it is stored and shown. said: its body as it is shown. identity: tells it from every
    other page. bare: it goes to another host, and nothing of the connector goes along."""

    url: Secret
    shown: str
    identity: str = field(repr=False)
    method: str = "GET"
    body: Secret | None = None
    said: str = ""
    bare: bool = False


class Requests:
    """The requests of one resource. base: its address, without a slash at the end. Raises UsageError if a variable is missing or a
    setting cannot be used."""

    def __init__(self, connector: HttpConnector, resource: HttpResource, environ: Mapping[str, str]) -> None:
        self.title = f"The connector {connector.name}"
        self._resource = resource
        headers = (*connector.headers, *resource.headers)
        proofs = auth.settings(connector.auth)
        settings = [("base", connector.base), ("path", resource.path), *proofs.items()]
        files = _tls_settings(connector.tls)
        settings += files.items()
        settings += [(f"header {name}", value) for name, value in headers]
        settings += [(f"query {name}", value) for name, value in resource.query]
        asides = _export_paths(resource)
        settings += asides
        settings += _origin_of_files(resource)
        texts = bodies.settings(resource.body) if resource.body is not None else []
        settings += texts
        resolved = resolve_each(connector.name, settings, environ)
        secrets = [value for value in resolved if isinstance(value, Secret)]
        values = iter(resolved)
        base, path = next(values), next(values)
        self.auth_values = {name: next(values) for name in proofs}
        self.tls = self._tls({name: next(values) for name in files})
        self.own_headers = self._headers(())
        self.headers = self._headers([(name, next(values)) for name, _ in headers])
        self._query = [(name, next(values)) for name, _ in resource.query]
        self._asides = {name: next(values) for name, _ in asides}
        self._files = self._origin_of_files(next(values), environ) if _origin_of_files(resource) else None
        self._body: bodies.Template | None = None
        if resource.body is not None:
            self._body = bodies.Template(resource.body, [next(values) for _ in texts])
        self._key: list[tuple[str, str | Secret]] = []
        if isinstance(connector.auth, ApiKey) and connector.auth.place == "query":
            self._key = [(connector.auth.name, self.auth_values["auth key"])]
            self._query += self._key
        pages = resource.pages
        if not isinstance(pages, NoPages | LinkHeaderPages) and resource.format != "json":
            raise UsageError(f"{resource.name} has pages, and {resource.format} cannot say which is next; remove pages")
        match pages:
            case (
                CursorPages(size=int(size), size_sent_as=str(sent_as))
                | OffsetPages(size=int(size), size_sent_as=str(sent_as))
                | NumberPages(size=int(size), size_sent_as=str(sent_as))
                | KeysetPages(size=int(size), size_sent_as=str(sent_as))
            ):
                self._query.append((sent_as, str(size)))
        asked_for = getattr(pages, "size", None)
        self._private = frozenset(resource.parent.private if resource.parent is not None else ())
        self._always: dict[str, Any] = {} if asked_for is None else {"size": asked_for}
        self.redaction = Redaction(secrets, [(name, value) for name, value in self._query if isinstance(value, str)])
        self.base = self._open_address("base", base)
        if isinstance(path, Secret):
            raise UsageError(
                f"{self.title} has a secret in the path of {resource.name}; put it into a header or the query"
            )
        self._path = path
        for name, value in self._asides.items():
            if isinstance(value, Secret):
                raise UsageError(f"{self.title} has a secret in the {name} of {resource.name}; put it into a header")
        sends_secrets = bool(secrets) or not isinstance(connector.auth, NoAuth)
        addresses = [("base", self.base)]
        if "auth token_url" in self.auth_values:
            addresses.append(("token_url", self._open_address("token_url", self.auth_values["auth token_url"])))
        for setting, address in addresses:
            if sends_secrets and not _may_see_secrets(address, environ):
                raise UsageError(
                    f"{self.title} would send its credentials unencrypted to {urlsplit(address).hostname} ({setting});"
                    f" use https, or allow the host by {HTTP_ALLOWED}"
                )

    def said_of_asker(self) -> list[tuple[str, str]]:
        """All that requests say and their fingerprints do not tell: what they prove who asks by, and headers. Secret values; never shown."""
        stated = [item for item in self.headers if item not in self.own_headers]
        hidden = [(name, value) for name, value in self._query if isinstance(value, Secret)]
        files = [] if self.tls is None else [("tls", f"{self.tls.certificate} {self.tls.key}")]
        given = [*self.auth_values.items(), *stated, *hidden, *files]
        return [(name, value.reveal() if isinstance(value, Secret) else value) for name, value in given]

    def first(self, known: Known, more: list[tuple[str, str | Secret]] | None = None) -> Asked:
        """known: what the sweep knows, such as the bounds to read between, as they are sent. more: parameters over those of the plan."""
        return self._page(more or [], known)

    def after_cursor(self, cursor: Any, name: str, sent_as: str | None, known: Known) -> Asked:
        """cursor: a text or number out of the body. name: of its hole, where it is not `sent_as` a parameter. Raises SourceError for
        anything else."""
        if isinstance(cursor, bool) or not isinstance(cursor, str | int | Decimal):
            raise SourceError(
                f"{self.title} answered with {_kind(cursor)} where the cursor of the next page should be,"
                f" for {self._resource.name}; check its pages setting"
            )
        # A cursor may be a token or somebody's number: its value is not shown.
        if sent_as is None:
            return self._page([], {**known, name: cursor}, frozenset([name]))
        return self._page([(sent_as, str(cursor))], known, frozenset([sent_as]))

    def aside(self, name: str, job: str, known: Known) -> Asked:
        """What is asked about a job. name: "poll" or "download". known: what the sweep knows beside it."""
        path, query = str(self._asides[name]), _encoded(self._key)
        known = {**known, "job": job}
        addresses = [
            f"{self.base}{_filled(path, values)}{'?' if query else ''}{query}"
            for values in (known, _masked(known, self._private))
        ]
        return self._asked(addresses[0], method="GET", shown=addresses[1])

    def file_at(self, page: Asked, link: Any) -> Asked:
        """Where an address out of an answer leads: on the connector's host, or on the one that the plan names for files."""
        target = elsewhere.link_to(self._files, link) if self._files is not None else None
        if target is None:
            return self.after_link(page, link, "file", f" or {self._files}" if self._files is not None else "")
        url = Secret(target.geturl())
        return Asked(url=url, shown=elsewhere.shown(url, self.redaction), identity=f"GET {target.geturl()}", bare=True)

    def after_link(self, page: Asked, link: Any, what: str = "next page", other: str = "") -> Asked:
        """link: an address out of the body, absolute or relative to the page's. what: is there; other: host it may be on beside.
        Raises SourceError if it leads elsewhere."""
        if not isinstance(link, str) or len(link) > _LONGEST_LINK or _NO_LINK.search(link):
            raise SourceError(
                f"{self.title} answered with something that is no address where that of the {what} should be,"
                f" for {self._resource.name}; check its {'pages' if what == 'next page' else 'download'} setting"
            )
        base = urlsplit(self.base)
        try:
            target = urlsplit(urljoin(page.url.reveal(), link))
            same = _origin(target) == _origin(base) and target.username is None
        except ValueError:
            target, same = base, False
        if not same:
            moved = "if the source moved, set its base"
            if what == "file":
                moved = 'if files lie there, say so: download at … on "https://…"'
            raise SourceError(
                f"{self.title} answered with a {what} of {self._resource.name} outside {base.scheme}://{base.netloc}{other},"
                f" and nothing is sent there; {moved}"
            )
        carried = {name for name, _ in parse_qsl(target.query, keep_blank_values=True)}
        kept = [
            (name, value)
            for name, value in self._query
            if isinstance(value, Secret) and name not in carried and not holes.has_holes(value)
        ]
        query = "&".join(filter(None, (target.query, _encoded(kept))))
        # The base's own host is used, so that no two readings of an address can differ about where it leads.
        return self._asked(urlunsplit((base.scheme, base.netloc, target.path, query, "")), method="GET")

    # ------------------------------------------------------------------------------------------------- parts

    def _bounds(self, window: Known) -> list[tuple[str, str | Secret]]:
        delta = self._resource.delta
        if delta is None:
            return []
        named = (("since", delta.since), ("until", delta.until))
        return [(sent_as, str(window[name])) for name, sent_as in named if sent_as is not None and name in window]

    def _page(self, more: list[tuple[str, str | Secret]], known: Known, hidden: frozenset[str] = frozenset()) -> Asked:
        """hidden: the names of holes and parameters whose values are not shown."""
        known, hidden = {**self._always, **known}, hidden | self._private
        replaced = {name for name, _ in more}
        stated = [item for item in self._query if item[0] not in replaced]
        filled_in = [
            (name, text, hidden.isdisjoint(holes.names(value)))
            for name, value in stated
            if (text := holes.filled(value, known)) is not None
        ]
        bounds = [(name, value, True) for name, value in self._bounds(known)]
        said = [*filled_in, *bounds, *((name, value, name not in hidden) for name, value in more)]
        query = _encoded([(name, value) for name, value, _ in said])
        plain = frozenset((name, value) for name, value, open_ in said if open_ and isinstance(value, str))
        body = self._body.write(known, hidden) if self._body is not None else None
        addresses = [
            f"{self.base}{_filled(self._path, values)}{'?' if query else ''}{query}"
            for values in (known, _masked(known, hidden))
        ]
        return self._asked(addresses[0], plain, body, shown=addresses[1])

    def _asked(
        self,
        url: str,
        plain: frozenset[tuple[str, str]] = frozenset(),
        body: bodies.Written | None = None,
        method: str = "",
        shown: str | None = None,
    ) -> Asked:
        """shown: the address to show, where it is another."""
        secret = Secret(url)
        method = method or self._resource.method
        identity = f"{method} {self.redaction.identity(secret)}"
        return Asked(
            url=secret,
            shown=self.redaction.address(secret if shown is None else Secret(shown), plain),
            identity=identity if body is None else f"{identity}\n{self.redaction.text(body.identity)}",
            method=method,
            body=body.sent if body is not None else None,
            said=self.redaction.text(body.shown) if body is not None else "",
        )

    def _open_address(self, setting: str, value: str | Secret) -> str:
        """An address that may be shown: https or http, a host, and nothing that could be a secret."""
        if isinstance(value, Secret):
            raise UsageError(f"{self.title} has a secret in its {setting}; put it into auth, a header or the query")
        text = value.strip().rstrip("/")
        try:
            parts = urlsplit(text)
            good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
        except ValueError:
            parts, good = urlsplit(""), False
        if not good or _NO_LINK.search(text) or (parts.query and setting == "base") or parts.fragment:
            raise UsageError(f"{self.title} has a {setting} that is not an address such as https://api.example.com/v1")
        if parts.username is not None or parts.password is not None:
            raise UsageError(f"{self.title} has a user or password in its {setting}; put them into auth basic")
        return text

    def _origin_of_files(self, value: str | Secret, environ: Mapping[str, str]) -> elsewhere.Origin:
        found = None if isinstance(value, Secret) else elsewhere.origin_of(value)
        if found is None:
            raise UsageError(
                f"{self.title} has a host for the files of {self._resource.name} that is not one such as https://files.example.com"
            )
        if not _may_see_secrets(str(found), environ):
            # A link is a credential.
            raise UsageError(
                f"{self.title} would fetch the files of {self._resource.name} unencrypted from {found.host};"
                f" use https, or allow the host by {HTTP_ALLOWED}"
            )
        return found

    def _tls(self, values: Mapping[str, str | Secret]) -> TlsFiles | None:
        """The files of a connector's `tls`, None without it."""
        if not values:
            return None
        plain = {name.removeprefix("tls "): value for name, value in values.items()}
        password = plain.pop("password", None)
        for name, value in plain.items():
            if isinstance(value, Secret):
                raise UsageError(f"{self.title} has a secret as its tls {name}; that is the name of a file, use env")
        return TlsFiles(
            **{name: str(value) for name, value in plain.items()},
            password=Secret(password) if isinstance(password, str) else password,
        )

    def _headers(self, stated: Sequence[tuple[str, str | Secret]]) -> tuple[tuple[str, str | Secret], ...]:
        """The headers of every request: our own, and over them the stated ones, the resource's last."""
        headers: dict[str, tuple[str, str | Secret]] = {
            "accept": ("Accept", _PACKED.get(self._resource.packed) or _ACCEPT[self._resource.format]),
            "accept-encoding": ("Accept-Encoding", "gzip, identity"),
            "user-agent": ("User-Agent", "Fieldmap"),
        }
        if self._resource.body is not None:
            headers["content-type"] = ("Content-Type", bodies.content_type(self._resource.body))
        for name, value in stated:
            if name.lower() in _RESERVED:
                raise UsageError(f"{self.title} sets the header {name}, which is not its to set; remove it")
            if _HEADER.fullmatch(name) is None:
                raise UsageError(f"{self.title} sets the header {name!r}, which is no name of one; correct it")
            if _CONTROL.search(value.reveal() if isinstance(value, Secret) else value):
                raise UsageError(f"{self.title} has a line break or control character in the header {name}; remove it")
            headers[name.lower()] = (name, value)
        return tuple(headers.values())


def _filled(path: str, known: Known) -> str:
    return str(holes.filled(quote(path, safe=_PATH), known, lambda text: quote(text, safe="*")) or "")


def _masked(known: Known, hidden: frozenset[str]) -> Known:
    """What is shown of it. hidden: the names of values that are not."""
    return {name: REDACTED if name in hidden else value for name, value in known.items()}


def _export_paths(resource: HttpResource) -> list[tuple[str, Composed]]:
    export = resource.export
    given = {"poll": export.poll, "download": export.download} if export is not None else {}
    return [(name, path) for name, path in given.items() if path is not None]


def _origin_of_files(resource: HttpResource) -> list[tuple[str, Composed]]:
    export = resource.export
    return [("download on", export.origin)] if export is not None and export.origin is not None else []


def _tls_settings(tls: ClientTls | None) -> dict[str, Composed]:
    if tls is None:
        return {}
    given = {f"tls {name}": getattr(tls, name) for name in ("certificate", "key", "password", "roots")}
    return {name: value for name, value in given.items() if value is not None}


def _encoded(query: Sequence[tuple[str, str | Secret]]) -> str:
    return "&".join(
        f"{_quoted(name)}={_quoted(value.reveal() if isinstance(value, Secret) else value)}" for name, value in query
    )


def _quoted(text: str) -> str:
    # Every server reads %20 as a blank; a plus is one by the rules of forms only, which not every server goes by.
    return quote_plus(text).replace("+", "%20")


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    default = {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def _may_see_secrets(address: str, environ: Mapping[str, str]) -> bool:
    parts = urlsplit(address)
    host = parts.hostname or ""
    allowed = {name.strip() for name in environ.get(HTTP_ALLOWED, "").split(",")}
    return parts.scheme == "https" or _LOOPBACK.fullmatch(host) is not None or host in allowed


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case dict():
            return "an object"
        case list():
            return "a list"
    return "something else"
