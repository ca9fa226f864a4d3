"""Secrets of the system's keyring (Keychain, Credential Manager, Secret Service), which a person's desktop has and a server has not.

It is asked only where FIELDMAP_KEYRING says so: to ask may open a window, and a scheduled run would wait there for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fieldmap.runtime.errors import UsageError

SERVICE: Final = "fieldmap"
_WANTED: Final = "FIELDMAP_KEYRING"


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the keyring is asked for secrets that nothing else gives. Raises UsageError for a value that is neither yes nor no."""
    said = environ.get(_WANTED, "").strip().lower()
    if said in ("1", "true", "yes", "on"):
        return True
    if said in ("", "0", "false", "no", "off"):
        return False
    raise UsageError(
        f"{_WANTED} is 1, so that secrets are looked up in the system's keyring, or 0; it is something else"
    )


def looked_up(name: str) -> str | None:
    """The secret of that name, None if the keyring does not have it. Raises UsageError where there is no keyring, or it does not open."""
    import keyring
    from keyring.errors import InitError, KeyringError, NoKeyringError

    try:
        return keyring.get_password(SERVICE, name) or None
    except (NoKeyringError, InitError):
        raise UsageError(
            f"{_WANTED} asks for the system's keyring, and this machine has none that can be used; set the variable {name},"
            f" or name a file with the secret in {name}_FILE"
        ) from None
    except KeyringError as error:
        # Its text may come from anywhere; its kind is enough to go by.
        raise UsageError(
            f"The system's keyring did not give the secret {name} ({type(error).__name__}); unlock it and run again,"
            f" or set the variable {name}"
        ) from None
