"""What could stand at a place, in the author's words: the grammar's terminals never reach a message."""

from __future__ import annotations

from fieldmap.dsl.blocks import Block

# A value begins with any of these; together they are one expectation.
_VALUE = {
    "TEMPLATE",
    "RAW",
    "ROOT",
    "VARIABLE",
    "NUMBER",
    "_TRUE",
    "_FALSE",
    "_NEGATE",
    "_NOT",
    "_IF",
    "_ABSENT",
    "_LPAR",
    "_LSQ",
    "_CASE",
}
_VALUE_STARTS = {"TEMPLATE", "RAW", "ROOT"}
# So does a type.
_TYPE = {"_ENUM", "_LIST", "_LBRACE", "_LSQ_TYPE", "NAME"}
# A value may go on with any of these, so none of them is worth a word.
_OPERATORS = {
    "_AS", "_AT", "_VIA", "_PER", "_IN", "IN_LIST", "NOT_IN_LIST", "_IS", "_OTHERWISE", "_OR", "_AND", "PLUS", "MINUS",
    "STAR", "SLASH", "COMPARE", "DOT_NAME", "_LSQ_PATH", "_DOT_ANY", "DESCENDANT_NAME", "_DESCENDANT_ANY", "_DESCENDANT_LSQ", "PREFIX_STAR", "BANG",
}  # fmt: skip
_ENDS = {"$END", "_NL"}

_WORDS = {
    "PLAIN": "a text in quotes",
    "UNIT": "a unit such as `kg`",
    "NUMBER": "a number",
    "_NUMBERED": "`number`",
    "_REQUESTS": "`requests`",
    "_AT_ONCE": "`at once`",
    "_FAILURES": "`failures`",
    "INDEX": "a number",
    "ROOT": "a path such as `$.name`",
    "DECL": "a line such as `email : text?`",
    "FIELD": "a line such as `email = $.email`",
    "NAME": "a name",
    "DOT_NAME": "a dot and a name, as in `workday.workers`",
    "DESCENDANT_NAME": "two dots and a name",
    "_DESCENDANT_ANY": "`..*`",
    "_DESCENDANT_LSQ": "`..[`",
    "_DOT_ANY": "`.*`",
    "_LSQ_PATH": "`[`",
    "PATH_TEXT": "a name or text in quotes",
    "VARIABLE": "`@page` and the like",
    "CURRENT": "a path such as `@.kind`",
    "COLON": "`:`",
    "COMPARE": "`==`, `<` and the like",
    "FILTER_FUNCTION": "a function such as `length(@.name)`",
    "FILTER_WORD": "`true`, `false`, `null`",
    "_FILTER": "a filter such as `?@.open`",
    "_FILTER_NOT": "`!`",
    "_AMPERSANDS": "`&&`",
    "_PIPES": "`||`",
    "CAUSE": "`429`, `5xx`, `timeout`",
    "JSON_LBRACE": "a JSON object `{ … }`",
    "JSON_RBRACE": "`}`",
    "_JSON_STRING": "a text in double quotes",
    "_JSON_COLON": "`:`",
    "_JSON_COMMA": "`,`",
    "_JSON_RSQ": "`]`",
    "_JSON_LSQ": "`[`",
    "_JSON_NUMBER": "a number",
    "_JSON_NULL": "`null`",
    "_JSON_WORD": "`true`, `false`, `null`",
    "_LBRACE": "`{`",
    "_RBRACE": "`}`",
    "_LPAR": "`(`",
    "_RPAR": "`)`",
    "_LSQ": "`[`",
    "_LSQ_TYPE": "`[`",
    "_RSQ": "`]`",
    "_PERIOD": "`period(…)`",
    "_COLON": "`:`",
    "_COMMA": "`,`",
    "_EQUALS": "`=`",
    "_ARROW": "`->`",
    "ELSE_ARROW": "`else ->`",
    "_ANY": "`*`",
    "PREFIX_STAR": "`*`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "BANG": "`!`",
    "IN_LIST": "`in [ … ]`",
    "NOT_IN_LIST": "`not in [ … ]`",
    "_NEGATE": "`-`",
    "AS_WORD": "`as`",
    "TAG": "`pii`, `restricted`",
    "ROUNDED": "`rounded half even`",
    "MUST_EXIST": "`must exist`",
    "CHOICE": "`earlier`, `later`",
    "OPTIONAL": "`?`",
    "_UNIT_OF": "`unit(…)`",
}
_MOST_PHRASES = 5


def describe(expected: frozenset[str], block: Block | None, *, ended: bool) -> str:
    """What could have come, as a sentence without a full stop; "" if there is nothing helpful to say.

    ended: the line was over, so that its end is not what was missing.
    """
    rest = expected - _ENDS
    phrases = []
    if "ROOT" in rest and rest >= _VALUE_STARTS:
        phrases.append("a value such as `$.name`")
        rest -= _VALUE | {"NAME", "UNIT"}
    if "_ENUM" in rest:
        phrases.append("a type such as `text`, `decimal(8, 2)`")
        rest -= _TYPE | {"BASE64"}
    may_end = not ended and bool(expected & _ENDS)
    if rest & {"PLUS", "COMPARE"}:
        rest -= _OPERATORS
        phrases.append("" if ended else "an operator")
    else:
        rest -= {"_AT", "_PER"} if may_end else set()
    if may_end or ("_RBRACE" in rest and len(rest) > 1 and "_COMMA" not in rest):
        rest -= {"_RBRACE"}
    phrases = [*filter(None, phrases), *sorted({_phrase(terminal) for terminal in rest})]
    if len(phrases) > _MOST_PHRASES:
        return (
            f"a line of {block.called} was expected"
            if block is not None and not may_end and "_NL" not in expected
            else _end(may_end)
        )
    if may_end:
        return f"the line could end here{', or go on with ' + _joined(phrases) if phrases else ''}"
    return f"expected here: {_joined(phrases)}" if phrases else ""


def _end(may_end: bool) -> str:
    return "the line could end here" if may_end else ""


def _phrase(terminal: str) -> str:
    """A keyword is its own description."""
    return _WORDS.get(terminal) or f"`{terminal.strip('_').lower().replace('_', ' ')}`"


def _joined(phrases: list[str]) -> str:
    if len(phrases) < 2:
        return "".join(phrases)
    return f"{', '.join(phrases[:-1])} or {phrases[-1]}"
