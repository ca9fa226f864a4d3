"""Values from the environment. A secret is a type that no accident turns into text: only `reveal` gives it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from fieldmap.runtime import keyrings
from fieldmap.runtime.errors import UsageError
from fieldmap.runtime.plan import Bounded, Composed, EnvRef, SecretRef, SweepRef

REDACTED = "***"


class Secret:
    """A text that shows itself as `***` in every str, repr and format, and refuses to be pickled or copied."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The text itself: for the line that sends it, and no other."""
        return self.__value

    def __str__(self) -> str:
        return REDACTED

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __format__(self, format_spec: str) -> str:
        return REDACTED

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret cannot be pickled or copied")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash((Secret, self.__value))


def resolve(composed: Composed, environ: Mapping[str, str]) -> str | Secret:
    """The text with its references filled in; a Secret if any of them is one.

    Raises UsageError naming the first variable that is missing. An empty variable counts as missing.
    """
    missing = missing_variables(composed, environ)
    if missing:
        raise UsageError(f"The environment variable {missing[0]} is not set; set it and run again")
    text = "".join(part if isinstance(part, str) else _value(part, environ) or "" for part in composed.parts)
    return Secret(text) if any(isinstance(part, SecretRef) for part in composed.parts) else text


def hole(name: str, default: str | None = None) -> str:
    """What stands for a value of the sweep in a text that is resolved already; no setting can hold the character."""
    return f"\0{name}\0" if default is None else f"\0{name}\1{default}\0"


def bounded(part: Bounded) -> str:
    """What stands for a part that may be left out in a text that is resolved already."""
    return f"\2{''.join(one if isinstance(one, str) else hole(one.name) for one in part.parts)}\3"


def missing_variables(composed: Composed, environ: Mapping[str, str]) -> list[str]:
    named = (part for part in composed.parts if not isinstance(part, str | Bounded))
    return [part.name for part in named if not _value(part, environ)]


def _value(reference: EnvRef | SecretRef | SweepRef | Bounded, environ: Mapping[str, str]) -> str | None:
    """What a reference stands for, None if nothing gives it. A value of the sweep stays the hole that it is.

    A secret that no variable holds may lie in a file, as containers are given theirs: the variable X_FILE names it; or
    in the system's keyring, where that is wanted. Raises UsageError if the file or the keyring cannot be read.
    """
    if isinstance(reference, SweepRef):
        return hole(reference.name, reference.default)
    if isinstance(reference, Bounded):
        return bounded(reference)
    found = environ.get(reference.name)
    if isinstance(reference, SecretRef):
        _check_text(reference.name, found or "")
    file = environ.get(f"{reference.name}_FILE") if isinstance(reference, SecretRef) and not found else None
    if not file:
        asks = isinstance(reference, SecretRef) and not found and keyrings.is_wanted(environ)
        return keyrings.looked_up(reference.name) if asks else found
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(
            f"The file of the secret {reference.name} cannot be read ({reason}); check the variable {reference.name}_FILE"
        ) from None
    # Editors and `echo` end a file with a line break, which belongs to no password. A key in PEM does well without.
    return text.rstrip("\r\n")


def _check_text(name: str, value: str) -> None:
    """Raises UsageError for bytes that are no text: nothing could send them, or look for them where they must not be."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"The environment variable {name} holds bytes that are no text in UTF-8; set it anew"
        ) from None


def references(composed: Composed) -> list[str]:
    """`env.X` and `secret.Y` as the author wrote them: what may be named in a message, unlike their values."""
    return [
        f"{'env' if isinstance(part, EnvRef) else 'secret'}.{part.name}"
        for part in composed.parts
        if isinstance(part, EnvRef | SecretRef)
    ]


def resolve_each(
    connector: str, settings: Sequence[tuple[str, Composed]], environ: Mapping[str, str]
) -> list[str | Secret]:
    """The values of a connector's settings, in order. Raises one UsageError that names all missing variables and what needs them."""
    uses: dict[str, list[str]] = {}
    for setting, composed in settings:
        for variable in missing_variables(composed, environ):
            uses.setdefault(variable, []).append(setting)
    if uses:
        named = [f"{variable} ({', '.join(dict.fromkeys(users))})" for variable, users in uses.items()]
        listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
        several = len(named) > 1
        raise UsageError(
            f"The connector {connector} needs the environment variable{'s' if several else ''} {listed};"
            f" set {'them' if several else 'it'} and run again{_or_keyring(settings, uses, environ)}"
        )
    return [resolve(composed, environ) for _, composed in settings]


def _or_keyring(settings: Sequence[tuple[str, Composed]], missing: Collection[str], environ: Mapping[str, str]) -> str:
    """Where the keyring is asked: how the first secret that it lacks gets into it."""
    parts = [part for _, composed in settings for part in composed.parts]
    secret = next((one.name for one in parts if isinstance(one, SecretRef) and one.name in missing), None)
    if secret is None or not keyrings.is_wanted(environ):
        return ""
    return f"; or put a secret into the keyring: keyring set {keyrings.SERVICE} {secret}"


def resolve_all(
    connector: str, settings: Mapping[str, Composed], environ: Mapping[str, str]
) -> dict[str, str | Secret]:
    """As `resolve_each`, for settings of which each has a name of its own."""
    return dict(zip(settings, resolve_each(connector, list(settings.items()), environ), strict=True))
