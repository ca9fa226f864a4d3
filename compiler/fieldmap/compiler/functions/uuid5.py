"""uuid5(namespace, text)"""

from __future__ import annotations

import hashlib
import uuid

from fieldmap.compiler.functions import literals
from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result
from fieldmap.runtime.values.outcome import Failed


def evaluate(namespace: str, text: str) -> str:
    known = {
        "dns": uuid.NAMESPACE_DNS,
        "url": uuid.NAMESPACE_URL,
        "oid": uuid.NAMESPACE_OID,
        "x500": uuid.NAMESPACE_X500,
    }
    space = known[namespace] if namespace in known else uuid.UUID(namespace)
    try:
        digest = hashlib.sha1(space.bytes + text.encode(), usedforsecurity=False).digest()
    except UnicodeEncodeError:
        raise Failed("FM2113", "half of a surrogate pair is no character") from None
    return str(uuid.UUID(bytes=digest[:16], version=5))


FUNCTION = Function(
    name="uuid5",
    doc="The UUID that a text has in a namespace (`dns`, `url`, `oid`, `x500`, or a UUID of your own): the same for ever.",
    parameters=(
        Parameter("namespace", "text", literal=literals.namespace),
        Parameter("text", "text"),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="named_uuid",
    fails=True,
    examples=(
        Example('uuid5("dns", "python.org")', ("dns", "python.org"), "886313e1-3b8a-5372-9b90-0c9aee199e5d"),
        Example(
            'uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "a")',
            ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "a"),
            "4f3f2898-69e3-5a0d-820a-c4e87987dbce",
        ),
    ),
)
