"""Checked texts: what a text must be to stand in a field of type email, url, country … and how it is written there.

Well-kept libraries know the registries; each is imported when the first value needs it. A reader gives the one canonical
spelling, or None with nothing guessed. `PACKAGES` names the packages whose edition is part of a map's version.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fieldmap.runtime.values.currencies import CURRENCIES
from fieldmap.runtime.values.failures import quote, shorten, wrong
from fieldmap.runtime.values.outcome import Failed
from fieldmap.runtime.values.texts import check_keepable, read_text

# Of each check, the packages whose edition decides. Currencies are a table of our own, and change with the release.
PACKAGES: dict[str, tuple[str, ...]] = {
    "uuid": (),
    "email": ("email-validator", "idna"),
    "url": ("httpx", "idna"),
    "country": ("pycountry",),
    "currency": (),
    "language": ("pycountry",),
    "phone": ("phonenumbers",),
    "iban": ("python-stdnum",),
    "lei": ("python-stdnum",),
}
KINDS = tuple(PACKAGES)
NEEDED = {
    "uuid": "a UUID such as 6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    "email": "an e-mail address",
    "url": "a web address that begins with http or https",
    "country": "a country code of ISO 3166-1, such as DE",
    "currency": "a currency code of ISO 4217, such as USD",
    "language": "a language code, such as de or pt-BR",
    "phone": "a phone number with its country, such as +49 30 123456",
    "iban": "an IBAN",
    "lei": "a legal entity identifier (LEI)",
}

_HEX = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL = re.compile(r"(https?)://([^/?#\s]+)([/?#][^\s]*)?", re.IGNORECASE)
_PHONE = re.compile(r"[+0-9][0-9 ()./\u00a0\u2010-\u2015-]*|\([0-9 ()./\u00a0\u2010-\u2015-]*")
_AREAS = {"001", "150", "419"}  # the areas of UN M49 that languages are told apart by: world, Europe, Latin America
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")


def _uuid(text: str) -> str | None:
    inner = text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text
    return str(uuid.UUID(inner)) if _HEX.fullmatch(inner) else None


def _email(text: str) -> str | None:
    """Without asking DNS. The domain in lower case and in Unicode, the local part as it is (NFC)."""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


def _url(text: str) -> str | None:
    """Scheme and host in lower case, all else as it is."""
    import httpx

    match = _URL.fullmatch(text)
    if match is None or not text.isprintable():
        return None
    try:
        url = httpx.URL(text)
        host = url.host
        if not host or (url.port or 0) > 65_535 or ("[" in match[2] and not ipaddress.ip_address(host)):
            return None
    except (httpx.InvalidURL, ValueError):
        return None
    user, at, place = match[2].rpartition("@")
    return f"{match[1].lower()}://{user}{at}{place.lower()}{match[3] or ''}"


def _country(text: str) -> str | None:
    code = text.upper()
    return code if len(text) == 2 and code in countries()["alpha2"] else None


def _currency(text: str) -> str | None:
    code = text.upper()
    return code if text.isascii() and code in CURRENCIES else None


def _language(text: str) -> str | None:
    """A BCP 47 tag of language, script and region, each in its registry; a two-letter language code where there is one."""
    import pycountry

    match = _TAG.fullmatch(text)
    if match is None:
        return None
    code, script, region = match.groups()
    language = _languages().get(code.lower())
    if language is None:
        return None
    if script is not None and pycountry.scripts.get(alpha_4=script.title()) is None:
        return None
    if region is not None and region.upper() not in countries()["alpha2"] and region not in _AREAS:
        return None
    return "-".join(part for part in (language, script and script.title(), region and region.upper()) if part)


@lru_cache(maxsize=1)
def _languages() -> dict[str, str]:
    """Every code of ISO 639-1, 639-2 and 639-3 in lower case, to the shortest code of its language."""
    import pycountry

    found: dict[str, str] = {}
    for language in pycountry.languages:
        shortest = getattr(language, "alpha_2", None) or language.alpha_3
        for name in ("alpha_2", "alpha_3", "bibliographic"):
            code = getattr(language, name, None)
            if code:
                found[code] = shortest
    return found


@lru_cache(maxsize=1)
def countries() -> dict[str, dict[str, str]]:
    """The countries of ISO 3166-1 by "alpha2", "alpha3", "numeric" and "name" (in case-folded English), each to alpha-2."""
    import pycountry

    found: dict[str, dict[str, str]] = {"alpha2": {}, "alpha3": {}, "numeric": {}, "name": {}}
    for country in pycountry.countries:
        code = country.alpha_2
        found["alpha2"][code] = found["alpha3"][country.alpha_3] = found["numeric"][country.numeric] = code
        for name in ("name", "official_name", "common_name"):
            if spelled := getattr(country, name, None):
                found["name"][spelled.casefold()] = code
    return found


def _phone(text: str) -> str | None:
    return phone_in(text, None)


def phone_in(text: str, region: str | None) -> str | None:
    """E.164 of a number; one without + is read as dialled in the region (alpha-2). None for what is no number of any country's
    plan, and for one with an extension or letters."""
    import phonenumbers

    if not _PHONE.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _iban(text: str) -> str | None:
    """Capitals without blanks, with the check digits and the form of its country."""
    from stdnum import iban
    from stdnum.exceptions import ValidationError

    try:
        return str(iban.validate(text)) if text.isascii() else None
    except ValidationError:
        return None


def _lei(text: str) -> str | None:
    from stdnum import lei
    from stdnum.exceptions import ValidationError

    try:
        return str(lei.validate(text)) if text.isascii() else None
    except ValidationError:
        return None


_READERS: dict[str, Callable[[str], str | None]] = {
    "uuid": _uuid,
    "email": _email,
    "url": _url,
    "country": _country,
    "currency": _currency,
    "language": _language,
    "phone": _phone,
    "iban": _iban,
    "lei": _lei,
}


@lru_cache(maxsize=65_536)
def canonical(text: str, kind: str) -> str | None:
    """The one spelling of a text that is what `kind` says; None if it is not."""
    if len(text) > 2_000:
        return None
    return _READERS[kind](text)


def read_checked(value: Any, kind: str, path: str) -> str:
    """FM2101, FM2113, FM2155."""
    text = read_text(value, path)
    check_keepable(text, path)
    found = canonical(text, kind)
    if found is None:
        raise Failed("FM2155", f"{quote(text)} is not {NEEDED[kind]}", path)
    return found


# ------------------------------------------------------------------------------------------- conversions with a word


COUNTRY_WORDS = {
    "name": "the English name of a country of ISO 3166-1",
    "alpha2": "a two-letter code of ISO 3166-1",
    "alpha3": "a three-letter code of ISO 3166-1",
    "numeric": "a three-digit code of ISO 3166-1",
}


def country_by(text: str, by: str) -> str | None:
    """The alpha-2 code of a country named by its "name" (in any case, nothing else is forgiven), "alpha3" … code."""
    key = text.casefold() if by == "name" else text.upper()
    return countries()[by].get(key)


def read_country(value: Any, by: str, path: str) -> str:
    """FM2101, FM2113, FM2155."""
    text = read_text(value, path)
    check_keepable(text, path)
    found = country_by(text, by)
    if found is None:
        raise Failed("FM2155", f"{quote(text)} is not {COUNTRY_WORDS[by]}", path)
    return found


def read_phone(value: Any, region: Any, path: str) -> str:
    """FM2101, FM2113, FM2155: also where the region is no country, or absent and the number has none of its own."""
    text = read_text(value, path)
    check_keepable(text, path)
    code: str | None = None
    if region is not None:
        code = canonical(read_text(region, path), "country")
        if code is None:
            raise Failed("FM2155", f"{quote(region)} is not {NEEDED['country']}, so {quote(text)} is no one's", path)
    found = phone_in(text, code)
    if found is None:
        where = f" in {code}" if code else ""
        raise Failed("FM2155", f"{quote(text)} is not a phone number{where}", path)
    return found


# ------------------------------------------------------------------------------------------------------- expressions


class ExpressionError(ValueError):
    """A regular expression that RE2 refuses; the text is RE2's reason."""


@lru_cache(maxsize=256)
def expression(pattern: str) -> Any:
    """A regular expression of RE2, for whole texts. Raises ExpressionError."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise ExpressionError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def matches(text: str, pattern: str) -> bool:
    """Whether the whole text matches."""
    return expression(pattern).fullmatch(text) is not None


def matching(value: str, pattern: str, path: str) -> str:
    """FM2156."""
    if not matches(value, pattern):
        raise Failed("FM2156", f"{quote(value)} does not match {shorten(pattern)}", path)
    return value


def require(value: Any, path: str) -> str:
    """A text. FM2101."""
    if type(value) is not str:
        raise wrong(value, "a text", path)
    return value
