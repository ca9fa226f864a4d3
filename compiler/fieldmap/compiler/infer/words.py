"""The words in a name, however it is spelled, and what a name says about privacy."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise


def listed(text: str) -> list[str]:
    """The words of a table."""
    return text.split()


def phrases(text: str) -> list[str]:
    """The phrases of a table, which commas separate."""
    return [" ".join(part.split()) for part in text.split(",")]


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")

# A member whose name has one of these words (or two together) holds what is personal.
_PERSONAL = frozenset(
    listed("""
    email mail mails emails phone phones mobile fax telephone cell birth birthday birthdate dob born ssn nin iban bic passport gender
    sex religion ethnicity nationality street surname firstname lastname fullname forename nickname spouse dependent emergency photo
    picture avatar disability marital biography bio signature ip latitude longitude addr zip postcode postal
    """)
)
_PERSONAL_PAIRS = frozenset(
    phrases("""
    first name, last name, full name, middle name, given name, family name, display name, legal name, preferred name, maiden name,
    user name, login name, employee name, worker name, manager name, supervisor name, person name, contact name, customer name,
    home address, mail address, street address, address line, tax id, national id, social security, account number, bank account,
    date of, reports to, care of, created by, changed by, updated by, modified by, formatted name, honorific prefix
    """)
)
# Of people: whatever is directly called so may be a name.
_PEOPLE = frozenset(
    listed("""
    name manager supervisor owner contact employee worker person author assignee user username creator approver addressee recipient
    requester caller
    """)
)
_RESTRICTED = frozenset(listed("salary wage pay compensation bonus income payrate salaries wages"))
_SECRET = frozenset(listed("password secret token passwd pwd credential credentials apikey"))
# What may be anything, a person's name too, though it is not called so.
_FREE = frozenset(
    listed(
        "name comment comments note notes description text title subject message address city key hash url href uri link"
    )
)


@lru_cache(maxsize=8192)
def words_of(name: str) -> tuple[str, ...]:
    """`hireDate`, `HIRE_DATE` and `Hire-Date` are `hire`, `date`; `employeeIDs` is `employee`, `ids`."""
    spaced = re.sub(r"(?<=[A-Z])s(?![a-z])", "S", name)
    return tuple(word.lower() for word in _WORD.findall(spaced))


def tag_of(name: str, parent: str = "") -> str:
    """`pii`, `restricted` or "", by the name of a member alone, and that of the object that it is in."""
    words = words_of(name)
    if set(words) & _SECRET or set(words) & _RESTRICTED:
        return "restricted"
    pairs = {f"{one} {other}" for one, other in pairwise(words)}
    if set(words) & _PERSONAL or pairs & _PERSONAL_PAIRS:
        return "pii"
    above = words_of(parent)
    if above[-1:] in (("name",), ("names",)) or (above and above[-1] in _PEOPLE and words == ("name",)):
        return "pii"
    return "pii" if words[-1:] and words[-1] in _PEOPLE and words != ("name",) else ""


def tells_nothing(name: str) -> bool:
    """Whether values below this name are kept out of comments and code lists, though it is not called personal."""
    return bool(tag_of(name)) or bool(set(words_of(name)) & _FREE)
