"""Mistakes are values: what is wrong, where, where the expectation came from, and what to do.

Phases return lists of `Diagnostic`; rendering is elsewhere (`render.py`) and pure. A code is never reused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fieldmap.dsl.source import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


# The registry of codes: FM01xx how a file is written, FM02xx names, FM03xx types and units, FM04xx connectors and
# resources, FM05xx maps, FM06xx merge and identity, FM07xx examples, FM09xx files and projects. FM2xxx belongs to values
# met at run time (fieldmap.runtime.values.failures). A code that was ever released keeps its meaning.
CODES: dict[str, str] = {
    "FM0101": "this does not read as a statement here",
    "FM0102": "a block is never closed",
    "FM0103": "an opening brace is missing",
    "FM0104": "a statement breaks off before it is complete",
    "FM0105": "a habit of another language",
    "FM0106": "a character that the language does not use",
    "FM0107": "a text is not closed on its line",
    "FM0108": "a hole of a text template does not read",
    "FM0109": "a conversion on the last operand only of unbracketed arithmetic",
    "FM0110": "a number, path or unit is not written as the language writes it",
    "FM0111": "the file is too large, too deep or not UTF-8",
    "FM0112": "a part of the language that this release does not compile yet",
    "FM0113": "a name that the language keeps for itself",
    "FM0114": "an escape in a text that has no meaning",
    "FM0115": "a name that begins with the wrong kind of letter",
    "FM0116": "a block that lacks what it is for",
    "FM0120": "a name behind @ that has no meaning here",
    "FM0121": "a step of a path that no list could answer",
    "FM0122": "a text within a path that is not written as JSON writes it",
    "FM0123": "a filter whose condition is none",
    "FM0124": "a function of a filter that does not exist, or is not used as it works",
    "FM0125": "a pattern of a filter that is no regular expression",
    "FM0126": "a path that stands where another kind is needed",
    "FM0201": "no such entity",
    "FM0202": "no such field",
    "FM0203": "no such connector or resource",
    "FM0204": "no such code list",
    "FM0205": "declared twice",
    "FM0206": "no such path in the shape",
    "FM0207": "no such function",
    "FM0208": "no such name here",
    "FM0209": "a file named by use is not there",
    "FM0210": "files use each other in a circle",
    "FM0211": "no such unit",
    "FM0212": "no such type",
    "FM0213": "a name that PostgreSQL could not keep apart from another, or is too long for it",
    "FM0214": "a name that means two things here",
    "FM0215": "something with a name that nothing uses",
    "FM0216": "functions that call each other in a circle, or too often",
    "FM0217": "a function of which nothing is expected",
    "FM0218": "a data file that cannot be used",
    "FM0219": "no such table or column",
    "FM0301": "an entity has no key",
    "FM0302": "a key may not be absent",
    "FM0303": "a type is written in a way that has no meaning",
    "FM0304": "a value of one type where another is needed",
    "FM0305": "units of different dimension",
    "FM0306": "a unit where there is none, or none where one is needed",
    "FM0307": "a value that may be absent where an answer is demanded",
    "FM0308": "a date, number or bool pattern that cannot be used",
    "FM0309": "arguments that a function does not take",
    "FM0310": "a code list that does not answer with the field's type",
    "FM0311": "floating point for money or a key",
    "FM0312": "a secret outside the places where one may stand",
    "FM0313": "values of different types compared or joined",
    "FM0320": "a unit without an exact size",
    "FM0314": "a value loses its tag (pii, restricted) on the way into its field",
    "FM0380": "something that is declared and never used",
    "FM0381": "a fallback that is never used",
    "FM0382": "a question whose answer is always the same",
    "FM0360": "an arm that can never be reached",
    "FM0361": "a case that is a list of codes",
    "FM0362": "a known value without an answer",
    "FM0363": "an argument that has to be written out in the file",
    "FM0364": "a regular expression, form or pattern that cannot be used",
    "FM0345": "a regular expression that RE2 does not take",
    "FM0346": "a deprecated field or member is used",
    "FM0321": "a name for a unit, or for a list of unit codes, that is taken",
    "FM0322": "units that are declared by each other",
    "FM0323": "a unit declared by something that gives it no size",
    "FM0324": "no such system of unit codes",
    "FM0325": "a unit named by the data where nothing says what is measured",
    "FM0326": "a list of unit codes with an answer that is no unit",
    "FM0330": "a quantity is read from a text, and nothing says what is measured",
    "FM0331": "a setting that this conversion does not take",
    "FM0332": "no such rate table, or one whose file cannot be read",
    "FM0333": "a line of a rate table that cannot be used",
    "FM0334": "an exchange that lacks its day or its currency",
    "FM0335": "a period of pay that cannot be found or converted",
    "FM0336": "a quantity that could be in several units of its field",
    "FM0365": "a line of a data file that does not read",
    "FM0366": "two lines of a data file that contradict each other",
    "FM0367": "a property that does not hold",
    "FM0401": "a connector or resource lacks a line that it needs",
    "FM0402": "a line that does not belong to this kind of connector",
    "FM0403": "a setting with a value that cannot be used",
    "FM0405": "a setting that this format does not take",
    "FM0406": "XML whose shape does not say what is one and what is many",
    "FM0407": "a path to records that XML cannot be searched by",
    "FM0408": "pages looked up in a body that is not JSON",
    "FM0440": "a file that cannot be read as the metadata of an OData service",
    "FM0441": "an entity set that the metadata does not have",
    "FM0501": "a required field is never assigned",
    "FM0502": "assigned twice",
    "FM0503": "a map of a map that exists already",
    "FM0504": "an outcome that the field cannot have",
    "FM0505": "a bare $ inside each",
    "FM0506": "a key that counts elements",
    "FM0507": "lines that may fail alone where there are none",
    "FM0508": "a tolerance where no two numbers are compared",
    "FM0509": "a former value where none can be kept",
    "FM0510": "a fallback that does not catch what cannot be read",
    "FM0530": "archived dates that do not tell month from day",
    "FM0531": "a value that stands for absent and never occurs",
    "FM0532": "archived values of another kind than the field's name says",
    "FM0601": "the identity of a second source is unsaid",
    "FM0602": "a merge rule names a source that has no map, or leaves one out that has",
    "FM0603": "a merge rule needs the time of the data, and a source does not say it",
    "FM0604": "a merge without anything to merge",
    "FM0605": "a merge rule that does not suit the type of its field",
    "FM0606": "a tolerance of agree that cannot be used",
    "FM0607": "fields that are chosen together cannot be",
    "FM0608": "null cannot win here",
    "FM0609": "a condition of an entity that cannot be judged on its rows",
    "FM0610": "an entity whose history cannot be kept",
    "FM0620": "a source is accounted for in two ways",
    "FM0621": "a match within one numbering",
    "FM0622": "matches lead in a circle",
    "FM0623": "an entity whose key cannot hold the qualified key of a source",
    "FM0624": "a match or agreement on the key",
    "FM0625": "a field that cannot be compared exactly",
    "FM0626": "a match or agreement on a field that a source never claims",
    "FM0627": "an agreement where nothing is matched",
    "FM0628": "by id where no record's id can stand",
    "FM0629": "by id without one resource whose records are meant",
    "FM0630": "a reference whose numbering is unsaid",
    "FM0701": "an example that does not hold",
    "FM0702": "an example that cannot be run",
    "FM0901": "a file cannot be read",
    "FM0902": "a file that lies outside the project",
}


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that matters, with what is to be said of it ("this is what is needed")."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of a span's text that would mend the mistake.

    safe: there is one thing that the author can have meant, so that `check --fix` may do it unasked. A guess at a name, or one of
    two readings, is not safe.
    """

    span: Span
    text: str
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake of a file.

    message: one sentence without a full stop, in the author's own words.
    note: what was found, shown beside the underlined span ("text?").
    labels: where the expectation came from.
    help: what to do; edit: the change that would do it, if it is known.
    table: lines shown below the help as they stand, where an example says more than a sentence.
    """

    code: str
    message: str
    span: Span
    note: str = ""
    labels: tuple[Label, ...] = ()
    help: str = ""
    edit: Edit | None = None
    severity: Severity = Severity.ERROR
    table: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unregistered diagnostic code {self.code}")
