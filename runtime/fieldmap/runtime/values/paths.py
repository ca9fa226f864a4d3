"""Steps of a path through a record. Generated code takes the common steps itself and comes here for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fieldmap.runtime.values.compare import same
from fieldmap.runtime.values.failures import Unreadable, describe, shorten, wrong
from fieldmap.runtime.values.outcome import Dead, Failed, Rejected

# A step: a member by name, a required member as (name, path for the reason), an element by index, every element (None), or a
# function from the value and what `$` is in filters to all that is found.
Step = str | tuple[str, str] | int | None | Callable[[Any, Any], list[Any]]


def no_object(value: Any, name: str, path: str) -> Failed:
    return wrong(value, f'an object with "{name}"', path)


def lacking(at: str, path: str) -> Rejected:
    """FM2102: `at` is the part of the path that leads to the member."""
    return Rejected("FM2102", f"{shorten(at)} is missing or null, and the resource promises it", path)


def member(value: Any, name: str, path: str) -> Any:
    if type(value) is not dict:
        raise no_object(value, name, path)
    return value.get(name)


def element(value: Any, index: int, path: str) -> Any:
    """Counted from the end if negative; None past the ends."""
    if type(value) is not list:
        raise wrong(value, "a list", path)
    return value[index] if -len(value) <= index < len(value) else None


def every(value: Any, path: str) -> list[Any]:
    """The elements of a list or the values of an object, nulls among them."""
    if type(value) is list:
        return value
    if type(value) is dict:
        return list(value.values())
    raise wrong(value, "a list", path)


def as_list(value: Any, path: str) -> list[Any]:
    if type(value) is not list:
        raise wrong(value, "a list", path)
    return value


def _step(value: Any, step: str | tuple[str, str] | int, path: str) -> Any:
    if isinstance(step, int):
        return element(value, step, path)
    if isinstance(step, str):
        return member(value, step, path)
    found = member(value, step[0], path)
    if found is None:
        raise lacking(step[1], path)
    return found


def find(value: Any, steps: tuple[Step, ...], path: str) -> Any:
    """The one value that a path without `*` finds, else None."""
    for step in steps:
        if value is None:
            return None
        if step is None or callable(step):
            raise TypeError("a path that may find several finds a list")
        value = _step(value, step, path)
    return value


def find_all(value: Any, steps: tuple[Step, ...], path: str, root: Any) -> Iterator[Any]:
    """All that the steps find, element by element, without nulls. root: what `$` is in filters."""
    return (found for found in _all(value, steps, path, root) if found is not None)


def _all(value: Any, steps: tuple[Step, ...], path: str, root: Any) -> Iterator[Any]:
    for index, step in enumerate(steps):
        if value is None:
            return
        if step is None or callable(step):
            for each in every(value, path) if step is None else step(value, root):
                yield from _all(each, steps[index + 1 :], path, root)
            return
        if not _leads_somewhere(value, step):
            _step(value, step, path)
            return
        value = _step(value, step, path)
    yield value


def _leads_somewhere(value: Any, step: str | tuple[str, str] | int) -> bool:
    """Whether a step finds something, be it null."""
    if isinstance(step, int):
        return type(value) is list and -len(value) <= step < len(value)
    return type(value) is dict and (step if isinstance(step, str) else step[0]) in value


def state(value: Any, steps: tuple[Step, ...], path: str, root: Any) -> str:
    """Of the part before the first step that may find several, or of the whole path: "missing", "json null", or "" where it
    finds something."""
    several: list[Step] = []
    for step in steps:
        if step is None or callable(step):
            several.append(step)
            break
        if value is None:
            return "missing"  # a null before the end: there is nothing behind it
        if isinstance(step, int):
            if not -len(as_list(value, path)) <= step < len(value):
                return "missing"
            value = value[step]
            continue
        name = step if isinstance(step, str) else step[0]
        if type(value) is dict and name not in value and isinstance(step, str):
            return "missing"
        value = _step(value, step, path)
    if value is None:
        return "json null"
    for step in several:
        if callable(step):
            step(value, root)
        else:
            every(value, path)
    return ""


# What is said of a value whose source does not send it again.
UNCHANGED = "the source says that this is unchanged and does not send it, and the value is needed here"
PARTLY = "the source leaves a part of this unchanged and does not send it, so the whole cannot be made"


def marked(value: Any, steps: tuple[Step, ...], marks: tuple[Any, ...], path: str, *, beside: bool = False) -> bool:
    """Whether what the steps find is a mark that the source sends in place of an unchanged value. beside: it may be the text of
    an object with attributes."""
    found = find(value, steps, path)
    if beside and type(found) is dict:
        found = found.get("#text")
    return found is not None and any(same(found, mark, path) for mark in marks)


def unsent(value: Any, steps: tuple[Step, ...], path: str) -> bool:
    """Whether a member on the way is not there. A null was sent, and so was a list, however short."""
    for step in steps:
        if value is None or step is None or callable(step):
            return False
        if isinstance(step, str) and type(value) is dict and step not in value:
            return True
        value = _step(value, step, path)
    return False


def as_elements(value: Any, path: str) -> list[Any]:
    """What `each` goes through. FM2125."""
    if type(value) is not list:
        raise Failed("FM2125", f"a list is needed for each, and the source sent {describe(value)}", path)
    return value


def records(body: Any, before: tuple[Step, ...], rest: tuple[Step, ...], path: str) -> list[Any]:
    """The records of a body: what `*` finds, nulls included; the elements of a list; or the one object found. FM2121.

    before: the steps to the first `*`, rest: those from it on.
    """
    try:
        found = find(body, before, path)
        if found is not None and rest:
            return every(found, path) if rest == (None,) else list(_all(found, rest, path, body))
    except Failed as failed:
        raise Failed("FM2121", failed.reason, path) from None
    if type(found) is list:
        return found
    if type(found) is dict:
        return [found]
    if found is None:
        raise Failed("FM2121", f"{path} finds nothing where the records should be", path)
    reason = found.reason if isinstance(found, Unreadable) else f"{path} finds no list of records but {describe(found)}"
    raise Failed("FM2121", reason, path)


def envelopes(body: Any, before: tuple[Step, ...], rest: tuple[Step, ...], path: str) -> list[Any]:
    """For each of the records that these steps find, the nearest object round it within the body, None if there is none."""
    holder, value = None, body
    for step in before:
        holder = value if type(value) is dict else holder
        value = find(value, (step,), path)
    if not rest:
        return [holder] * len(value) if type(value) is list else [holder]
    return list(_holders(value, holder, rest, path, body))


def _holders(value: Any, holder: Any, steps: tuple[Step, ...], path: str, root: Any) -> Iterator[Any]:
    if not steps:
        yield holder
        return
    step, inner = steps[0], value if type(value) is dict else holder
    if step is None or callable(step):
        for each in () if value is None else every(value, path) if step is None else step(value, root):
            yield from _holders(each, inner, steps[1:], path, root)
    elif value is not None and _leads_somewhere(value, step):
        yield from _holders(_step(value, step, path), inner, steps[1:], path, root)


def unfit_record(record: Any) -> Dead:
    """FM2122, for what is neither an object nor a list where the map takes lists."""
    reason = record.reason if isinstance(record, Unreadable) else f"the record is {describe(record)}"
    return Dead("FM2122", reason)
