"""What a user is told when something outside the data is wrong: one sentence with what, where and what to do.

Bad values are not here: they are dead letters or held values (`fieldmap.runtime.values`).
"""

from __future__ import annotations


class FieldmapError(Exception):
    """A fault that ends the command. `str(error)` is the sentence shown; no traceback accompanies it.

    exit_code: 3 for a fault of the surroundings (network, database, disk).
    """

    exit_code = 3


class UsageError(FieldmapError):
    """The command, the settings or the project are not as they must be; exit code 2."""

    exit_code = 2


class FindingsError(FieldmapError):
    """The command did its work and found something that must be looked at; exit code 1."""

    exit_code = 1


class BundleError(FieldmapError):
    """A bundle that is damaged, altered, or of a format that this runtime does not know."""


class ArchiveError(FieldmapError):
    """The archive is damaged, locked by another run, or cannot be written."""


class ArchiveBusyError(ArchiveError):
    """Another run writes the archive of a resource."""


class MissingError(ArchiveError):
    """The archive has nothing at a place, which was there once or never was."""


class SourceError(FieldmapError):
    """A source is out of reach, refuses the credentials, or answers with something that cannot be paged through."""


class DatabaseError(FieldmapError):
    """The database is out of reach, refuses the login, or stopped in the middle."""


class AwayError(DatabaseError):
    """The database cannot be reached just now: the same may do better later."""


class StoppedError(FieldmapError):
    """The run was told to end while a part of it was at work or waited."""
