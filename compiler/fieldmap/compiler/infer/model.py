"""What is known of a source, however it became known: what `writing.py` writes down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

# The words of the language that no bare name may be.
_RESERVED = frozenset(
    [
        "and",
        "or",
        "not",
        "in",
        "is",
        "if",
        "then",
        "else",
        "otherwise",
        "as",
        "at",
        "by",
        "via",
        "using",
        "per",
        "case",
        "true",
        "false",
        "null",
        "absent",
    ]
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """type: as a shape writes it. attributes: of XML, beside the text."""

    type: str
    attributes: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Object:
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    element: Kind


Kind = Scalar | Object | Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """name: as the source has it. sentinels: as a map writes them, `"N/A"` or `-1`. note: the evidence, without the `#`."""

    name: str
    kind: Kind
    optional: bool = False
    sentinels: tuple[str, ...] = ()
    tag: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A code list. answers: for each text of the source the name that is proposed for it."""

    name: str
    doc: str
    answers: tuple[tuple[str, str], ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A line of a resource, such as `pages`, with what stands behind the word and a comment."""

    word: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """notes: comments above it, a sentence each. shared: sentinels of all optional texts of the shape. entity_set: of OData, as a map writes it; what the
    service's metadata says of the shape is not written again."""

    name: str
    settings: tuple[Setting, ...]
    shape: Object
    shared: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    codes: tuple[Codes, ...] = ()
    records: int = 0
    entity_set: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A connector. kind: "", "files", "odata2" or "odata4". settings: its own lines. notes: comments at the head of the file."""

    name: str
    kind: str
    settings: tuple[Setting, ...]
    resources: tuple[Resource, ...]
    notes: tuple[str, ...] = field(default=())


def members_of(kind: Kind) -> tuple[Member, ...]:
    """The members within a kind, through lists."""
    while isinstance(kind, Listed):
        kind = kind.element
    return kind.members if isinstance(kind, Object) else kind.attributes if isinstance(kind, Scalar) else ()


def leaves(shape: Object, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Member]]:
    """Every member that has no members of its own, with the names that lead to it."""
    for member in shape.members:
        below = members_of(member.kind)
        if below and not isinstance(member.kind, Scalar):
            yield from leaves(Object(below), (*before, member.name))
        else:
            yield (*before, member.name), member


def is_name(text: str) -> bool:
    """Whether a text may stand bare where the language has a name."""
    return text.isascii() and text.isidentifier() and text not in _RESERVED


def plain_name(text: str, otherwise: str = "source") -> str:
    """A name of the language made of any text: `Worker Status` is `worker_status`."""
    from fieldmap.compiler.infer.words import words_of

    name = "_".join(word for word in words_of(text) if word.isascii() and word.isalnum())[:60].rstrip("_")
    if not name or not name[0].isalpha():
        name = f"{otherwise}_{name}".rstrip("_")
    return f"{name}_" if name in _RESERVED else name
