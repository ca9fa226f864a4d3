"""From samples to a resource: the records are found, gone through, and what was seen is concluded from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from fieldmap.compiler.infer import places
from fieldmap.compiler.infer.concluding import Concluder, writable
from fieldmap.compiler.infer.evidence import MOST_MEMBERS, Seen, walked
from fieldmap.compiler.infer.markup import MOST_BYTES as MOST_MARKUP
from fieldmap.compiler.infer.markup import Markup
from fieldmap.compiler.infer.model import Resource, Setting
from fieldmap.compiler.infer.samples import FIRST, MOST_RECORDS, Samples
from fieldmap.runtime.errors import UsageError


def from_samples(
    samples: Samples,
    name: str,
    asked: Sequence[Setting],
    *,
    limit: int = MOST_RECORDS,
    what: str = "the samples",
    http: bool = True,
) -> Resource:
    """The resource that samples are answers of. asked: its first lines, `get` or `files`. Raises UsageError where they hold no records."""
    markup = _markup(samples) if samples.format == "xml" else None
    first = [_value(body, markup) for _, body in islice(samples.bodies(), FIRST)]
    if not first:
        why = f": {samples.reason}" if samples.reason else ""
        raise UsageError(f"There is nothing to infer from in {what}{why}; hand over a file with at least one record")
    steps = places.records_at(first) if samples.format in ("json", "xml") else ()
    if markup is not None:
        steps = markup.single(steps)
    if samples.format in ("json", "ndjson"):
        steps += places.unwrapped([record for body in first for record in places.records_of(body, steps)])
    seen, identity = Seen(), places.Identity(name)
    odd = 0
    for number, (group, record) in enumerate(_records(samples, markup, steps)):
        if number == limit:
            samples.stopped = True
            break
        if isinstance(record, dict):
            seen.add(record)
            identity.add(record, group)
        else:
            odd += 1
    if not seen.objects:
        place = places.path_of(steps)
        raise UsageError(
            f"There are no records that are objects in {what} (looked for at {place}); hand over a page that has some"
        )
    return _resource(samples, name, asked, steps, seen, identity, first, odd=odd, http=http)


def _records(samples: Samples, markup: Markup | None, steps: places.Steps) -> Iterator[tuple[str, Any]]:
    for group, body in samples.bodies():
        for record in places.records_of(_value(body, markup), steps):
            yield group, record


def _value(body: Any, markup: Markup | None) -> Any:
    return body if markup is None else markup.value(body)


def _markup(samples: Samples) -> Markup:
    markup, size = Markup(), 0
    for page in samples.pages():
        size += len(page.content)
        if size > MOST_MARKUP:
            raise UsageError(
                f"More than {MOST_MARKUP >> 20} MiB of XML are too much to infer from; take out a part with a few hundred records"
            )
    for _, body in samples.bodies():
        markup.learn(body)
    return markup


def _resource(
    samples: Samples,
    name: str,
    asked: Sequence[Setting],
    steps: places.Steps,
    seen: Seen,
    identity: places.Identity,
    first: list[Any],
    *,
    odd: int,
    http: bool,
) -> Resource:
    concluder = Concluder.of(name, seen)
    shape, shared = concluder.shape(seen)
    settings = list(asked)
    if http and samples.format == "json":
        paging = places.paging(first, steps)
        settings.append(paging or Setting(word="", text="", note="No sign of pages was seen: pages none"))
    if steps:
        settings.append(Setting(word="records", text=places.path_of(steps)))
    identifying = identity.setting(seen.members)
    if identifying is None:
        raise UsageError(
            f"No member of the records of {name} is in all of them, so none can be their id; hand over records that have one"
        )
    settings.append(identifying)
    dated = places.changed(seen.members)
    if dated is not None:
        settings.append(dated)
    return Resource(
        name=name,
        settings=tuple(settings),
        shape=shape,
        shared=shared,
        notes=tuple(_notes(samples, seen, odd)),
        codes=tuple(concluder.codes),
        records=seen.objects,
    )


def _notes(samples: Samples, seen: Seen, odd: int) -> Iterator[str]:
    yield f"Inferred from {seen.objects:,} {'record' if seen.objects == 1 else 'records'}{', the first of more' if samples.stopped else ''}."
    if odd:
        yield f"{odd:,} elements beside them are no objects and were passed over."
    if samples.unread:
        yield f"{samples.unread:,} could not be read: {samples.reason}."
    unwritable = sum(not writable(member) for _, member, _ in walked(seen))
    if unwritable:
        yield f"{unwritable} members are left out, since their names are too long or no text."
    if seen.more_members:
        yield f"Records have more than {MOST_MEMBERS} members; the first are here."
