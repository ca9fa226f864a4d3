"""What an answer means by the rules of a resource (`on 404 empty`): the first that fits counts."""

from __future__ import annotations

from typing import Any, Final

from fieldmap.runtime.acquire.sending import Answer
from fieldmap.runtime.plan import AnswerRule, HttpResource
from fieldmap.runtime.values.decode import json_body
from fieldmap.runtime.values.outcome import Failed

_NOT_OF_A_CLASS: Final = (401, 403, 407, 429)


class Judge:
    def __init__(self, resource: HttpResource) -> None:
        self._rules = resource.rules
        self._reading = resource.reading

    def rule(self, answer: Answer) -> AnswerRule | None:
        """The first rule that fits, None if the answer means what its status says."""
        fitting = [rule for rule in self._rules if _fits(rule.status, answer.status)]
        if all(rule.holds is None for rule in fitting):
            return fitting[0] if fitting else None
        body = self._body(answer.content)
        return next((rule for rule in fitting if rule.holds is None or rule.holds(body)), None)

    def repeats(self, answer: Answer) -> bool | None:
        """Whether to ask again; None if the connector's policy decides."""
        rule = self.rule(answer)
        return None if rule is None else rule.action == "retry"

    def _body(self, content: bytes) -> Any:
        """The decoded body, None where it is something else than expected: then no condition holds."""
        if self._reading is not None:
            from fieldmap.runtime.values.reading import Reading
            from fieldmap.runtime.values.xml import xml_body

            body = xml_body(content, Reading(schema=self._reading))
        else:
            body = json_body(content)
        return None if isinstance(body, Failed) else body


def _fits(wanted: str, status: int) -> bool:
    """A whole class leaves out what says nothing of the data: that nobody may ask, or not now."""
    return wanted == str(status) or (
        wanted.endswith("xx") and wanted[0] == str(status)[0] and status not in _NOT_OF_A_CLASS
    )
