"""What is kept of jobs beside the archive: of a resource one for each part that a source works on, in one file.

What outlived its time is left out with the next write, so that parts which are gone leave nothing behind.
"""

from __future__ import annotations

import msgspec

from fieldmap.runtime.errors import SourceError
from fieldmap.runtime.ports import Ports


class Job(msgspec.Struct):
    """request: the fingerprint of the submission. window: what it was submitted for. sweep: which asked for it. job: "" until the source
    told. at: when it was submitted, in seconds since 1970; told: the same by the clock of the source, 0 where it does not tell the time."""

    request: str = ""
    window: str = ""
    sweep: str = ""
    job: str = ""
    at: float = 0.0
    told: float = 0.0


class _Kept(msgspec.Struct):
    """jobs: by the part that they are for, "" where a resource has none."""

    jobs: dict[str, Job] = msgspec.field(default_factory=dict)


class Jobs:
    """Of one resource. life_ms: how long a job may be asked after."""

    def __init__(self, resource: str, life_ms: int, ports: Ports) -> None:
        self._resource = resource
        self._name = f"export {resource}"
        self._life_ms = life_ms
        self._ports = ports
        self._jobs = self._read()

    def of(self, part: str) -> Job:
        """What is kept of a part's job; an empty one where nothing is."""
        return self._jobs.get(part) or Job()

    def keep(self, part: str, job: Job | None) -> None:
        """Durably; None forgets it. Raises SourceError."""
        state = self._ports.state
        if state is None or (job is None and part not in self._jobs):
            return
        try:
            # A page that somebody looks at meanwhile (fieldmap fetch) comes by a job of its own.
            with state.locked(self._name, self._ports.clock):
                kept = self._read()
                kept.pop(part, None)
                living = {name: one for name, one in kept.items() if self.left(one) > 0}
                self._jobs = living if job is None else {**living, part: job}
                state.write(self._name, msgspec.json.encode(_Kept(self._jobs)))
        except OSError as error:
            raise SourceError(
                f"{self._resource} cannot keep what tells a job of its source ({error.strerror or error}); make room or give"
                " the project's folder .fieldmap write permission, and run again"
            ) from None

    def left(self, job: Job) -> float:
        """How long it may still be asked after, in seconds. A clock that was set back ends it."""
        passed = self._ports.clock.now().timestamp() - job.at
        return self._life_ms / 1000 - passed if passed >= 0 else 0.0

    def _read(self) -> dict[str, Job]:
        data = self._ports.state.read(self._name) if self._ports.state is not None else None
        try:
            return msgspec.json.decode(data, type=_Kept).jobs if data is not None else {}
        except msgspec.DecodeError:
            return {}
