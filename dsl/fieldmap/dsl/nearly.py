"""Statements that lack or have one word too many for their kind: each is told what the kind needs, with the edit where there is one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from fieldmap.dsl.diagnostics import Diagnostic, Edit
from fieldmap.dsl.site import Site

_RULES = {
    "prefer": "prefer workday, bamboohr", "only": "only workday", "newest": "newest", "oldest": "oldest", "min": "min", "max": "max",
    "longest": "longest", "most common": "most common", "union": "union", "agree": "agree within 1 %",
}  # fmt: skip
_SIGNED = re.compile(r"(`\w+`|[A-Za-z_]\w*)([ \t]*)([^\s\w`\"'$({\[#;,.)}\]:=-]+|[:=][^\s\w=\"'$(]+)(?=[ \t]*\S)")


def _optional_element(site: Site) -> Diagnostic | None:
    """`[ text? ]`"""
    open_ones = site.before.count("[") - site.before.count("]")
    if site.block is None or site.block.templates or not site.after.startswith("?") or open_ones < 1:
        return None
    return Diagnostic(
        "FM0101",
        "an element of a list is never optional",
        site.here(1),
        help="leave the `?` out; behind the `]` it says that the list itself may be absent",
        edit=Edit(site.here(1), ""),
    )


def _each_without_name(site: Site) -> Diagnostic | None:
    """`each $.lines[*] to OrderLine { … }`"""
    if site.block is None or site.block.key != "map" or not re.match(r"each(?!\w)", site.text[site.start : site.end]):
        return None
    if site.word() != "to" or "_AS" not in site.expected:
        return None
    return Diagnostic(
        "FM0101",
        "each gives its element a name, by which the lines below read it",
        site.here(2),
        help="write `each $.lines[*] as line to OrderLine { … }`",
        edit=Edit(site.span(site.at, site.at), "as element "),
    )


def _rule(site: Site) -> Diagnostic | None:
    """`email newst`"""
    word = site.word()
    if site.block is None or site.block.key != "merge" or not {"OLDEST", "UNION"} <= site.expected or not word:
        return None
    near = difflib.get_close_matches(word.lower(), [rule.split(" ")[0] for rule in _RULES], n=1, cutoff=0.6)
    if near:
        edit = Edit(site.here(len(word)), near[0] if near[0] != "most" else "most common")
        return Diagnostic(
            "FM0101",
            f"`{word}` is no rule of a merge",
            site.here(len(word)),
            help=f"did you mean `{edit.text}`?",
            edit=edit,
        )
    rules = ", ".join(f"`{rule}`" for rule in _RULES.values())
    return Diagnostic("FM0101", f"`{word}` is no rule of a merge", site.here(len(word)), help=f"the rules are {rules}")


def _answer_without_code(site: Site) -> Diagnostic | None:
    """`-> gone` below a code: it would go on the line above"""
    if site.block is None or site.block.key not in ("codes", "unit_codes", "case") or not site.after.startswith("->"):
        return None
    if "->" not in site.before:
        return None
    return Diagnostic(
        "FM0101",
        "nothing stands before this `->`",
        site.here(2),
        help=f"write what it answers: `{site.block.entry}`",
    )


def _variable(site: Site) -> Diagnostic | None:
    """`env.`"""
    last = site.before.rstrip(" \t").removesuffix(".").rstrip(" \t")
    kind = re.search(r"(?<![\w.])(env|secret)\Z", last)
    if kind is None or re.match(r"\.?[A-Za-z_]", site.after):
        return None
    start = site.start + kind.start()
    return Diagnostic(
        "FM0110",
        f"`{kind.group()}` is followed by the name of a variable of the environment",
        site.span(start, max(site.at, start + len(kind.group()))),
        help=f"write it as in `{kind.group()}.WORKDAY_URL`",
    )


def _absent_alone(site: Site) -> Diagnostic | None:
    """`all text? absent`"""
    if site.word() != "absent" or "_ABSENT_WHEN" not in site.expected:
        return None
    return Diagnostic(
        "FM0101",
        "behind `absent` stands what counts as absent",
        site.here(len("absent")),
        help='write `absent when ""`, and `or "N/A"` behind it for more',
    )


def _strange_sign(site: Site) -> Diagnostic | None:
    """`email % $.email`, `let full ~ $.name`"""
    block, match = site.block, _SIGNED.match(site.text, site.at, site.end)
    if block is None or match is None or not site.expected & {"DECL", "FIELD"}:
        return None
    if site.at == site.start and block.key not in ("map", "entity", "shape", "members", "columns", "expected"):
        return None
    sign = "=" if "FIELD" in site.expected else ":"
    near = block.near(match.group(1))
    if near == match.group(1) and site.at == site.start:
        return None
    span = site.span(match.start(3), match.end(3))
    return Diagnostic(
        "FM0101",
        f"behind `{match.group(1).strip('`')}` stands `{sign}` and not `{match.group(3)}`",
        span,
        help=f"write it as in `{'email = $.email' if sign == '=' else 'email : text?'}`",
        edit=Edit(span, sign),
    )


_TAILS = re.compile(
    r"(?:at|per|by|assumed|within|needs)(?!\w)(?![ \t]*(?::|=(?!=)))|[\"'](?=[^\n]*[\"'][ \t]*(?:#|$))", re.MULTILINE
)


def _tail_on_its_own(site: Site) -> Diagnostic | None:
    """`per hour`, `by id`, `"a message"` on a line of its own: these do not go on from the line above."""
    if site.block is None or site.block.key not in ("map", "merge", "fn", "entity") or site.at != site.start:
        return None
    match = _TAILS.match(site.text, site.start, site.end)
    above = site.text[: site.start].rstrip()
    if match is None or not above or above[-1] in "{};":
        return None
    word = match.group()
    comment = "#" in above.rsplit("\n", 1)[-1]
    return Diagnostic(
        "FM0101",
        "a message stands on the line of its condition"
        if word in "\"'"
        else f"`{word}` does not go on from the line above",
        site.here(len(word) if word.isalpha() else len(site.word())),
        help="write it at the end of the line above",
        edit=None if comment else Edit(site.span(len(above), site.start), " "),
    )


def _else(site: Site) -> Diagnostic | None:
    """`$.a else $.b`, `prefer a within 90 days else newest`"""
    if site.word() != "else" or "_OTHERWISE" not in site.expected:
        return None
    return Diagnostic(
        "FM0105",
        "`else` belongs to `if` and `case`",
        site.here(len("else")),
        help="what stands in where there is nothing comes behind `otherwise`",
        edit=Edit(site.here(len("else")), "otherwise"),
    )


def _sentinels_by_comma(site: Site) -> Diagnostic | None:
    """`absent when "", "N/A"`: the comma ends the member's line, and a text stands alone behind it."""
    line = site.text.rfind("\n", 0, site.start) + 1
    before = re.search(r"(?:absent|unchanged)[ \t]+when[^\n]*(,)[ \t]*\Z", site.text[line : site.start])
    if before is None or site.text[site.start] not in "'\"":
        return None
    span = site.span(line + before.start(1), line + before.end(1))
    return Diagnostic(
        "FM0105",
        "what counts as absent or unchanged is joined by `or`",
        span,
        help='write `absent when "" or "N/A"`',
        edit=Edit(span, " or"),
    )


_CALLED = {
    "lookup": ("a lookup is written as a call", "write `lookup(cost_centers, code: $.cc).name`"),
    "parse": ("parse is written as a call", "write `parse($.address, '{city}, {region}')`"),
}


def _call(site: Site) -> Diagnostic | None:
    """`lookup t by k = e`, `parse $.a like "…"`"""
    found = re.search(r"(?<![\w.])(lookup|parse)[ \t]+\Z", site.before)
    if found is None or site.after.startswith("("):
        return None
    message, help_ = _CALLED[found.group(1)]
    return Diagnostic("FM0101", message, site.span(site.start + found.start(), site.at), help=help_)


def _block_behind_get(site: Site) -> Diagnostic | None:
    """`get "/x" { expand: "y" }`"""
    if site.block is None or site.block.key != "resource" or not site.before.lstrip().startswith("get"):
        return None
    if not site.after.startswith("{"):
        return None
    return Diagnostic(
        "FM0101",
        "what is asked for with `get` stands on a line of its own",
        site.here(1),
        help='write `query { expand: "position" }` below it',
    )


def _dots(site: Site) -> Diagnostic | None:
    """`given a.b { ... }`"""
    if not site.after.startswith((".", "…")) or "_JSON_STRING" not in site.expected:
        return None
    return Diagnostic(
        "FM0110",
        "a record is written out: dots stand for nothing",
        site.here(len(site.after) - len(site.after.lstrip(".…"))),
        help='a record that differs in little is written `given like "a worker on leave" with { … }`',
    )


def _by_id_within(site: Site) -> Diagnostic | None:
    """`($.a by id) otherwise $.b`"""
    if re.match(r"by[ \t]+id(?!\w)", site.after) is None or not site.in_value:
        return None
    return Diagnostic(
        "FM0101",
        "`by id` stands once, behind the whole value",
        site.here(len("by id")),
        help="give each side a name, and its own map line: `let boss = $.supervisorId`",
    )


def _constant(site: Site) -> Diagnostic | None:
    """`if invalid use $.b`"""
    if not re.search(r"if[ \t]+invalid[ \t]+use[ \t]+\Z", site.before) or not site.after.startswith(("$", "@", "(")):
        return None
    return Diagnostic(
        "FM0101",
        "`use` takes a constant, and no path or calculation",
        site.here(len(site.word())),
        help='write it as in `if invalid use 0`, `use "unknown"` or `use active`',
    )


NEARLY: tuple[Callable[[Site], Diagnostic | None], ...] = (
    _optional_element,
    _each_without_name,
    _rule,
    _answer_without_code,
    _variable,
    _absent_alone,
    _else,
    _sentinels_by_comma,
    _call,
    _block_behind_get,
    _dots,
    _by_id_within,
    _constant,
    _tail_on_its_own,
    _strange_sign,
)
