"""How an OpenAPI description says who may ask: its security schemes as the line `auth` of a connector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from fieldmap.compiler.infer.documents import Document, items_of
from fieldmap.compiler.infer.masking import quoted, template
from fieldmap.compiler.infer.model import Setting


def auth(document: Document, name: str, wanted: Sequence[Any]) -> Setting:
    """The line. name: of the connector. wanted: what each operation that is asked says under `security`, None where it says nothing;
    then what the document says holds."""
    schemes = {
        one: document.resolved(scheme) for one, scheme in items_of(document.root.get("components"), "securitySchemes")
    }
    stated = [_ways(document.root.get("security") if one is None else one) for one in wanted]
    ways = [one for one in stated if one is not None]
    if not ways:
        # Schemes without a word where they hold: the first that a run can use.
        made = next((line for one in schemes.values() if (line := _line(one, name.upper())) is not None), None)
        return made or Setting(word="", text="", note=f"auth bearer {{ token secret.{name.upper()}_TOKEN }}")
    if all(not one or [] in one for one in ways):
        return Setting(word="", text="", note="The description wants no credentials: auth none")
    usable = [
        (scheme, line)
        for scheme in dict.fromkeys(scheme for one in ways for way in one for scheme in way)
        if (line := _line(schemes.get(scheme), name.upper())) is not None
    ]
    if not usable:
        named = ", ".join(dict.fromkeys(scheme for one in ways for way in one for scheme in way))
        return Setting(word="", text="", note=f"auth …  The description wants {named}, of which no line can be made")
    # What most of the resources take, alone where it can be; of several the one that stands first.
    alone = Counter(scheme for one in ways for scheme in {way[0] for way in one if len(way) == 1})
    beside = Counter(scheme for one in ways for scheme in {scheme for way in one for scheme in way})
    chosen, line = max(usable, key=lambda one: (alone[one[0]], beside[one[0]]))
    also = sorted(
        {
            scheme
            for one in ways
            for way in one
            if chosen in way
            for scheme in way
            if scheme != chosen and not alone[chosen]
        }
    )
    without = sum(1 for one in ways if one and [] not in one and not any(chosen in way for way in one))
    notes = [
        line.note,
        f"the description wants {', '.join(also)} beside it" if also else "",
        f"{without} of {len(ways)} resources want something else" if without else "",
    ]
    return Setting(word=line.word, text=line.text, note="; ".join(note for note in notes if note))


def _ways(security: Any) -> list[list[str]] | None:
    """The sets of schemes of which one is enough; [] is one that needs nothing. None where nothing is said."""
    if not isinstance(security, list):
        return None
    return [[str(name) for name in one] for one in security if isinstance(one, dict)]


def _line(scheme: Any, name: str) -> Setting | None:
    """The line for one scheme; None where none can be made of it."""
    if not isinstance(scheme, dict):
        return None
    kind, bearer = scheme.get("type"), f"bearer {{ token secret.{name}_TOKEN }}"
    if kind == "http":
        how = str(scheme.get("scheme")).lower()
        basic = f"basic {{ user env.{name}_USER; password secret.{name}_PASSWORD }}"
        return Setting(word="auth", text=basic if how == "basic" else bearer) if how in ("basic", "bearer") else None
    if kind == "apiKey" and scheme.get("in") in ("header", "query") and isinstance(scheme.get("name"), str):
        return Setting(
            word="auth", text=f"api_key {{ {scheme['in']} {quoted(scheme['name'])}; key secret.{name}_KEY }}"
        )
    if kind == "openIdConnect":
        return Setting(word="auth", text=bearer, note="a token of OpenID Connect: confirm")
    return _oauth2(scheme.get("flows"), name, bearer) if kind == "oauth2" else None


def _oauth2(flows: Any, name: str, bearer: str) -> Setting | None:
    found = dict(items_of({"flows": flows}, "flows"))
    client = f"client_id env.{name}_CLIENT; client_secret secret.{name}_SECRET"
    for kind, grant, more, note in (
        ("clientCredentials", "client_credentials", "", ""),
        ("authorizationCode", "refresh_token", f"; refresh_token secret.{name}_REFRESH", "with a refresh token, which a person's consent gives: confirm"),
    ):  # fmt: skip
        flow = found.get(kind)
        address = (flow.get("refreshUrl") or flow.get("tokenUrl")) if isinstance(flow, dict) else None
        if isinstance(address, str):
            where = _address(address, name)
            return Setting(word="auth", text=f"oauth2 {grant} {{ token_url {where}; {client}{more} }}", note=note)
    return Setting(word="auth", text=bearer, note=f"a token of OAuth2 ({', '.join(found)}): confirm") if found else None


def _address(address: str, name: str) -> str:
    """Of tokens: as it stands, or below `base`. Credentials go over https only, so that another one has to be said."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.netloc:
        return template(address)
    return (
        f"env.{name}_TOKEN_URL"
        if parts.scheme or parts.netloc
        else f'"{{base}}{template("/" + address.lstrip("/"))[1:]}'
    )
