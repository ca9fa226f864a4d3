"""Habits of SQL, Excel and programming languages: each is answered with the edit that makes it Fieldmap.

Every function looks at the place where reading stopped and answers for one habit, or not at all. They are many and short, and HABITS
at the end says in which order they are asked, so that they stay in one file of more than 400 lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fieldmap.dsl.blocks import BLOCKS
from fieldmap.dsl.building import shortened
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.site import Site
from fieldmap.dsl.source import Span

_NAME = r"(?:`\w+`|[A-Za-z_]\w*)"
_KEYWORDS = {word for block in BLOCKS.values() for word in block.lines} | {
    "and", "or", "not", "in", "is", "if", "then", "else", "otherwise", "as", "at", "via", "per", "true", "false", "null", "absent",
    "to", "of", "enum", "list", "reject", "hold", "partial", "strict", "newest", "oldest", "prefer", "only", "pii", "restricted",
    "cursor", "next", "none", "invalid", "use", "with", "like", "sent", "rest", "missing", "matching", "deprecated",
}  # fmt: skip
_OPENS_VALUE = {
    "_EQUALS",
    "_WHEN",
    "_IF",
    "_THEN",
    "_ELSE",
    "_COMMA",
    "_ARROW",
    "_CHANGED",
    "_ID",
    "_GET",
    "_BASE",
    "_LBRACE",
}
_SIGNS = {"&&": "and", "||": "or", "<>": "!=", "=<": "<=", "=>": ">=", "===": "=="}


_QUOTED_MEMBER = re.compile(r"[ \t]*([^\W\d]\w*(?:[ \t]*[-./#&][ \t]*\w+|[ \t]+\w+){1,5})[ \t]*:")


def _unquoted_member(site: Site) -> Diagnostic | None:
    """`E-Mail : text`, `Full Name : text` in a shape: names of a source that are no words of ours."""
    if site.block is None or site.block.key not in ("shape", "members"):
        return None
    begin = max(site.text.rfind(mark, 0, site.at) for mark in "\n{,") + 1
    match = _QUOTED_MEMBER.match(site.text, begin, site.end)
    if match is None or match.end() <= site.at:
        return None
    name = match.group(1)
    return site.says(
        "FM0110",
        f"`{shortened(name)}` is no single word, so this member's name stands in quotes",
        site.span(*match.span(1)),
        f'write `"{shortened(name)}" : …`, and `$["{shortened(name)}"]` where it is read',
        f'"{name}"',
    )


def _null_comparison(site: Site) -> Diagnostic | None:
    """`$.x = null`, `$.x != null`, `$.x <> null`"""
    match = re.compile(r"(==?|!=|<>)?\s*(?:null|NULL|Null|nil|None)(?!\w)").match(site.text, site.at, site.end)
    if match is None:
        return None
    start, operator = site.at, match.group(1)
    if operator is None and (earlier := re.search(r"(==|!=)\s*\Z", site.before)):
        start, operator = site.start + earlier.start(), earlier.group(1)
    if operator is None:
        earlier_is = re.search(r"\bis\s+(?:not\s+)?\Z", site.before)
        help_ = (
            "`is absent` holds for a null and for what is not there"
            if earlier_is
            else "the word for a value that is not there is `absent`"
        )
        span = site.here(match.end() - site.at)
        return site.says("FM0105", f"`{match.group()}` is written `absent`", span, help_, "absent")
    words = "is absent" if operator in ("=", "==") else "is not absent"
    span = site.span(start, match.end())
    return site.says(
        "FM0105", f"`{shortened(site.text[start : match.end()])}` is written `{words}`", span, f"write `{words}`", words
    )


def _assignment_sign(site: Site) -> Diagnostic | None:
    """`email : $.email`, `email == $.email`, `email -> …` in a map; `email = text` in an entity."""
    if site.block is None or site.at != site.start:
        return None
    match = re.compile(rf"{_NAME}[ \t]*(==|:=|:|=|->|<-|=>)(?!=)[ \t]*").match(site.text, site.start, site.end)
    if match is None:
        return None
    wanted = {"map": "=", "expected": "=", "entity": ":", "shape": ":", "members": ":", "pairs": ":"}.get(
        site.block.key
    )
    found = match.group(1)
    if wanted is None or found == wanted:
        return None
    span = site.span(match.start(1), match.end(1))
    line = site.block.entry
    return site.says(
        "FM0105",
        f"a line of {site.block.called} has `{wanted}` and not `{found}`",
        span,
        f"write it as in `{line}`",
        wanted,
    )


def _arrow(site: Site) -> Diagnostic | None:
    """`"A" = active`, `"A": active`, `"A" => active` in a code list"""
    match = re.compile(r"=>|==?|:=?|→").match(site.text, site.at, site.end)
    if site.block is None or site.block.key != "codes" or match is None:
        return None
    return site.says(
        "FM0105",
        f"a code list has `->` and not `{match.group()}`",
        site.here(len(match.group())),
        'write it as in `"A" -> active`',
        "->",
    )


def _single_equals(site: Site) -> Diagnostic | None:
    if not site.in_value or not re.match(r"=(?![=>~<])", site.after):
        return None
    return site.says(
        "FM0105", "values are compared with `==`", site.here(1), "a single `=` gives a field its value", "=="
    )


def _sign(site: Site) -> Diagnostic | None:
    """`<>`, `&&`, `||` and the like"""
    for sign, ours in _SIGNS.items():
        if site.after.startswith(sign) and site.in_value:
            help_ = 'texts are joined in a template: `"{$.a} {$.b}"`' if sign == "||" else f"write `{ours}`"
            # `||` joins texts in SQL and conditions in programs.
            return site.says(
                "FM0105", f"`{sign}` is written `{ours}`", site.here(len(sign)), help_, ours, safe=sign != "||"
            )
    if site.after.startswith("&") and site.in_value:
        return site.says("FM0105", "texts are joined in a template", site.here(1), 'write `"{$.a} {$.b}"`')
    return None


def _exclamation(site: Site) -> Diagnostic | None:
    if not site.after.startswith("!") or not (site.wants_value or "_NOT" in site.expected):
        return None
    return site.says("FM0105", "`!` is written `not`", site.here(1), "write `not`", "not ")


def _round_membership(site: Site) -> Diagnostic | None:
    """`x in ("A", "B")`, `x not in ("A")`, `x in "A"`"""
    match = re.compile(r"(?:not[ \t]+)?in[ \t]*\(").match(site.text, site.at, site.end)
    start = match.end() - 1 if match is not None else None
    if start is None and site.after.startswith(","):
        earlier = re.search(r"(?<!\w)in[ \t]*(\()[^()]*\Z", site.before)
        start = site.start + earlier.start(1) if earlier is not None else None
    if start is None:
        return None
    close = site.text.find(")", start, site.end)
    span = site.span(start, close + 1 if close >= 0 else start + 1)
    inside = site.text[start + 1 : close].strip() if close >= 0 else ""
    return site.says(
        "FM0105",
        "the values of `in` stand in square brackets",
        span,
        'write `$.status in ["A", "B"]`',
        f"[{inside}]" if close >= 0 else None,
    )


def _single_membership(site: Site) -> Diagnostic | None:
    if not re.search(r"(?<!\w)in[ \t]+\Z", site.before) or not site.after.startswith(('"', "'")):
        return None
    span = site.here(len(site.word()))
    named = site.word()[1:-1]
    if re.fullmatch(r"[A-Z]{3}|[a-z]{1,4}(?:/[a-z]{1,4})?", named):
        return site.says("FM0105", "a unit or currency stands without quotes", span, f"write `in {named}`", named)
    return site.says(
        "FM0105", "the values of `in` stand in square brackets", span, "write them in brackets", f"[{site.word()}]"
    )


# One arm, on one line; several are a chain of ifs, and better a list of codes.
_CASE_WHEN = re.compile(
    r"case[ \t]+when[ \t]+((?:(?!\bwhen\b)[^\n])+?)[ \t]+then[ \t]+((?:(?!\bwhen\b)[^\n])+?)(?:[ \t]+else[ \t]+([^\n]+?))?[ \t]+end(?!\w)",
    re.IGNORECASE,
)


def _case_when(site: Site) -> Diagnostic | None:
    words = re.compile(r"(?<![\w.])case[ \t\n]+when(?!\w)", re.IGNORECASE)
    match = words.match(site.text, site.at, site.end)
    if match is None:  # in small letters the two read as the case of something that is called when
        match = next((found for found in words.finditer(site.text, site.start, site.at)), None)
    if match is None:
        return None
    span = site.span(match.start(), match.end())
    help_ = "write `if $.a == 1 then x else y`; a list of codes is a `codes` block, used with `via`"
    message = "`case when` is written `if … then … else …`"
    whole = _CASE_WHEN.match(site.text, match.start(), site.end)
    if whole is None:
        return site.says("FM0105", message, span, help_)
    condition, then, otherwise = (part.strip() for part in whole.groups(default="absent"))
    condition = re.sub(r"(?<![=!<>])=(?!=)", "==", condition).replace("<>", "!=")
    edit = f"if {condition} then {then} else {otherwise}"
    over = site.span(match.start(), whole.end())
    return site.says("FM0105", message, span, help_, edit, over, safe=False)


def _chained_comparison(site: Site) -> Diagnostic | None:
    """`1 < x < 5`"""
    operator = re.compile(r"==|!=|<=|>=|<(?!>)|>").match(site.text, site.at, site.end)
    earlier = None
    for token in reversed(site.tokens):
        if token.type in ("_AND", "_OR", "_NOT", "_LPAR", "_OTHERWISE") or token.type in _OPENS_VALUE:
            break
        if token.type == "COMPARE":
            earlier = token
            break
    if operator is None or earlier is None or earlier.end_pos is None:
        return None
    middle = site.text[earlier.end_pos : site.at].strip()
    help_ = f"write `… {earlier} {shortened(middle)} and {shortened(middle)} {operator.group()} …`"
    span = site.here(len(operator.group()))
    return site.says("FM0105", "comparisons do not chain", span, help_, f"and {middle} ", site.span(site.at, site.at))


def _otherwise_reach(site: Site) -> Diagnostic | None:
    """`$.flag otherwise true and $.x == 1`: the fallback is one value."""
    match = re.compile(r"(?:and|or|is|not[ \t]+in|in)(?!\w)|==|!=|<=|>=|<|>").match(site.text, site.at, site.end)
    otherwise, start, depth = None, None, 0
    for token in reversed(site.tokens):
        depth += {"_RPAR": 1, "_RSQ": 1, "_LPAR": -1, "_LSQ": -1}.get(token.type, 0)
        if otherwise is None and token.type == "_OTHERWISE" and depth == 0:
            otherwise = token
        if depth < 0 or (depth == 0 and token.type in _OPENS_VALUE):
            break
        start = token.start_pos
    if match is None or otherwise is None or start is None or otherwise.start_pos is None:
        return None
    left = site.text[start : site.at].strip()
    value, fallback = site.text[start : otherwise.start_pos].strip(), site.text[otherwise.end_pos : site.at].strip()
    sign = match.group()
    help_ = (
        f"write `({shortened(left)}) {sign} …` where the result goes on,"
        f" or `{shortened(value)} otherwise ({shortened(fallback)} {sign} …)` where the fallback does"
    )
    return site.says(
        "FM0105",
        f"`{sign}` does not reach over `otherwise`",
        site.here(len(sign)),
        help_,
        f"({left}) ",
        site.span(start, site.at),
        safe=False,
    )


def _upper_case(site: Site) -> Diagnostic | None:
    """`AND`, `When`; behind a number such a word has been read as its unit."""
    last = site.tokens[-1] if site.tokens else None
    if last is not None and last.type == "UNIT" and last != last.lower() and last.lower() in _KEYWORDS:
        span = site.span(last.start_pos or 0, last.end_pos or 0)
        return _in_lower_case(site, str(last), span)
    word = site.word()
    if word == word.lower() or word.lower() not in _KEYWORDS or not word.isalpha():
        return None
    return _in_lower_case(site, word, site.here(len(word)))


def _in_lower_case(site: Site, word: str, span: Span) -> Diagnostic:
    lowered = word.lower()
    help_ = "the words of the language are in lower case"
    return site.says("FM0105", f"`{word}` is written `{lowered}`", span, help_, lowered)


def _comment(site: Site) -> Diagnostic | None:
    """`// …`, `-- …`, `/* … */`; the first stroke may have been read as a division."""
    start = site.at - 1 if site.before.endswith("/") else site.at
    match = re.compile(r"//|--|/\*").match(site.text, start, site.end)
    if match is None:
        return None
    span = site.span(start, start + 2)
    return site.says("FM0105", f"a comment begins with `#` and not with `{match.group()}`", span, "write `#`", "#")


def _question(site: Site) -> Diagnostic | None:
    """`a ? b : c`, `a ?? b`"""
    if not site.in_value or not site.after.startswith("?") or site.block is None:
        return None
    if site.after.startswith("??"):
        return site.says("FM0105", "`??` is written `otherwise`", site.here(2), "write `otherwise`", "otherwise")
    return site.says(
        "FM0105", "`? :` is written `if … then … else …`", site.here(1), "write `if $.a == 1 then x else y`"
    )


def _excel_if(site: Site) -> Diagnostic | None:
    """`if(c, a, b)`"""
    earlier = re.search(r"(?<!\w)if[ \t]*\([^()]*\Z", site.before)
    if earlier is None or not site.after.startswith((",", ";")):
        return None
    span = site.span(site.start + earlier.start(), site.at)
    return site.says("FM0105", "a choice is written `if … then … else …`", span, "write `if $.a == 1 then x else y`")


def _sql_operator(site: Site) -> Diagnostic | None:
    answers = {
        "like": 'compare a part of it: left($.name, 3) == "ABC"',
        "between": "write `$.a >= 1 and $.a <= 5`",
        "elif": "write `else if`",
        "exists": "write `is not absent`",
        "mod": "write `mod(17, 5)`",
    }
    word = site.word().lower()
    if word not in answers or not (site.in_value or word == "elif"):
        return None
    return site.says("FM0105", f"there is no `{word}` here", site.here(len(word)), answers[word])


def _emptiness(site: Site) -> Diagnostic | None:
    """`$.a is empty`, `$.a is not blank`, `$.a is ""`"""
    if not site.tokens or site.tokens[-1].type not in ("_IS", "NOT") or "_IS" not in [t.type for t in site.tokens[-2:]]:
        return None
    word = site.word()
    if word.lower() not in ("empty", "blank", "none", "nothing", '""', "''"):
        return None
    sign = "!=" if site.tokens[-1].type == "NOT" else "=="
    return site.says(
        "FM0105",
        f"`is` asks for `absent`, and not for `{word}`",
        site.here(len(word)),
        f'write `is absent` where nothing is there, `{sign} ""` for a text without characters; `unless_blank($.a)` makes a blank text absent',
    )


def _arithmetic(site: Site) -> Diagnostic | None:
    """`2 ^ 3`, `$.a % 2`; behind a number the sign has been read as a unit, per cent."""
    last = site.tokens[-1] if site.tokens else None
    if site.in_value and site.after.startswith(("^", "**")):
        sign = "**" if site.after.startswith("**") else "^"
        return site.says("FM0105", f"there is no `{sign}` here", site.here(len(sign)), "a power is `power(1.1, 2)`")
    percent = last is not None and last.type == "UNIT" and last == "%" and re.match(r"[\d$@(A-Za-z_]", site.after)
    if percent and last is not None:
        span = site.span(last.start_pos or 0, last.end_pos or 0)
    elif site.in_value and site.after.startswith("%"):
        span = site.here(1)
    else:
        return None
    return site.says(
        "FM0105",
        "`%` is the unit per cent, and leaves nothing over",
        span,
        "what a division leaves over is `mod(17, 5)`",
    )


def _doubled_quote(site: Site) -> Diagnostic | None:
    """`'it''s'`: SQL doubles a quote that is meant."""
    last = site.tokens[-1] if site.tokens else None
    if last is None or last.type not in ("RAW", "PLAIN", "TEMPLATE", "PATH_TEXT") or last.end_pos != site.at:
        return None
    mark = str(last)[-1]
    if not site.after.startswith(mark):
        return None
    help_ = (
        'write it in the other quotes: "it\'s"'
        if mark == "'"
        else "write `\\\"` for a quote within a text, or the text in `'…'`"
    )
    return site.says("FM0105", "a quote within a text is not doubled", site.here(1), help_)


_UNQUOTED = re.compile(r"(?<!\w)(base|get|folder|files)[ \t]+([^\s\"'#;{][^\s\"'#;]*)")


def _unquoted(site: Site) -> Diagnostic | None:
    """`base https://…`, `get /v2/workers`, `files *.csv as csv`"""
    line = site.text.rfind("\n", 0, site.at) + 1
    match = next((one for one in _UNQUOTED.finditer(site.text, line, site.end) if one.end(2) >= site.at), None)
    if match is None or match.start(2) > site.at or match.group(2).startswith(("env.", "secret.")):
        return None
    what = {"base": "an address", "get": "an address", "folder": "a folder", "files": "a pattern of file names"}
    return site.says(
        "FM0105",
        f"{what[match.group(1)]} stands in quotes",
        site.span(match.start(2), match.end(2)),
        f'write `{match.group(1)} "{shortened(match.group(2))}"`',
        f'"{match.group(2)}"',
    )


_UNROOTED = re.compile(r"(records|ignore)[ \t]+((?:`?[A-Za-z_]\w*`?)(?:\.\w+|\[[^\]\n]*\])*)[ \t]*(?=[\n#;,]|\Z)")


def _unrooted(site: Site) -> Diagnostic | None:
    """`records data`, `ignore internal`"""
    match = _UNROOTED.match(site.text, site.start, site.end)
    if match is None:
        return None
    begins = "a path begins with `$`, which is the record" + (
        "; here, the whole response" if match.group(1) == "records" else ""
    )
    return site.says(
        "FM0105",
        f"`{shortened(match.group(2))}` is a path, and a path begins with `$`",
        site.span(match.start(2), match.end(2)),
        begins,
        f"$.{match.group(2)}",
    )


def _rounded(site: Site) -> Diagnostic | None:
    """`pay = $.pay rounded half even`: it belongs to the field of the entity."""
    match = re.compile(r"rounded(?!\w)(?:[ \t]+half[ \t]+\w+)?").match(site.text, site.at, site.end)
    if match is None or site.block is None or not (site.in_value or site.block.key in ("entity", "map")):
        return None
    help_ = (
        "write `rounded half even` behind the type of the entity's field; without it, half is rounded away from zero"
    )
    return site.says(
        "FM0101", "how a number is rounded is said of the entity's field", site.here(len(match.group())), help_
    )


_MORE_UNITS = re.compile(r"(,|\|\|?|and(?!\w))[ \t]*(?=[A-Za-z%°])")


def _units_of_a_quantity(site: Site) -> Diagnostic | None:
    """`quantity in each, kg`, `quantity in each | kg`"""
    if site.block is None or site.block.key != "entity" or re.search(r":[ \t]*quantity\b.*\bin\b", site.before) is None:
        return None
    match = _MORE_UNITS.match(site.text, site.at, site.end)
    if match is None:
        return None
    # The blank before the sign is kept where there is one.
    gap = "" if site.before.endswith(" ") else " "
    return site.says(
        "FM0105",
        "a quantity is in one unit or another, so its units are joined by `or`",
        site.here(len(match.group(1))),
        "write `or`",
        f"{gap}or ",
        site.here(match.end() - match.start()),
    )


def _tag_behind_doc(site: Site) -> Diagnostic | None:
    """`name : text "The name" pii`, `entity Person "A person" pii {`"""
    match = re.compile(r"(?:pii|restricted|must[ \t]+exist|rounded[ \t]+half[ \t]+even|deprecated)(?!\w)").match(
        site.text, site.at, site.end
    )
    last = site.tokens[-1] if site.tokens else None
    if match is None or last is None or last.type != "PLAIN" or last.start_pos is None or last.end_pos is None:
        return None
    tag, doc = match.group(), site.text[last.start_pos : last.end_pos]
    safe = tag != "deprecated"
    return site.says(
        "FM0101",
        f"`{tag}` stands before the description",
        site.here(len(tag)),
        f"write `{tag} {shortened(doc)}`" if safe else f'write `deprecated "use …" {shortened(doc)}`',
        f"{tag} {doc}" if safe else None,
        site.span(last.start_pos, match.end()) if safe else None,
    )


HABITS: tuple[Callable[[Site], Diagnostic | None], ...] = (
    _unquoted_member,
    _null_comparison,
    _unquoted,
    _unrooted,
    _assignment_sign,
    _arrow,
    _single_equals,
    _chained_comparison,
    _otherwise_reach,
    _sign,
    _exclamation,
    _round_membership,
    _single_membership,
    _case_when,
    _upper_case,
    _comment,
    _question,
    _excel_if,
    _sql_operator,
    _emptiness,
    _arithmetic,
    _doubled_quote,
    _tag_behind_doc,
    _rounded,
    _units_of_a_quantity,
)
