"""Pages become values exactly; what is bad harms no more than it must."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.decode import json_body as decode
from fieldmap.runtime.values.failures import TITLES, Unreadable
from fieldmap.runtime.values.numbers import read_decimal, read_int
from fieldmap.runtime.values.outcome import Failed


def json_body(content: bytes) -> Any:
    return decode(content)


def failed(value: Any) -> Failed:
    assert isinstance(value, Failed)
    assert value.code in TITLES
    return value


@pytest.mark.parametrize("digits", ["18446744073709551617", "9007199254740993", "9" * 30, "-" + "1" * 60])
def test_M1_large_integers_are_exact(digits: str) -> None:
    assert json_body(digits.encode()) == int(digits)


@pytest.mark.parametrize(
    "digits", ["0.1", "12345678901234567.89", "12345678901234.123456789", "1." + "3" * 30, "1e5", "1E400", "2.50"]
)
def test_M2_decimals_never_pass_through_float(digits: str) -> None:
    found = json_body(f"[{digits}]".encode())[0]
    assert isinstance(found, Decimal)
    assert found.as_tuple() == Decimal(digits).as_tuple()


@pytest.mark.parametrize("bomb", ["1e1000000", "1e-1000000", "1e99999999999999999999", "9" * 5000, "1." + "3" * 500])
def test_M4_a_number_too_long_harms_only_its_reader(bomb: str) -> None:
    found = json_body(f'{{"bomb": {bomb}, "name": "Ada"}}'.encode())
    assert found["name"] == "Ada"
    assert isinstance(found["bomb"], Unreadable)
    with pytest.raises(Failed) as failure:
        read_decimal(found["bomb"], "$.bomb")
    assert (failure.value.code, failure.value.path) == ("FM2104", "$.bomb")


def test_M4_a_whole_number_of_many_digits_fails_where_it_is_read() -> None:
    with pytest.raises(Failed) as failure:
        read_int(json_body(b"9" * 4000), "")
    assert failure.value.code == "FM2104"


@pytest.mark.parametrize("text", ["[NaN]", "[Infinity]", "[-Infinity]", "[+1]", "[01]", "{'a': 1}", "[1,]", "", " "])
def test_M5_what_is_no_json_is_one_failure(text: str) -> None:
    assert failed(json_body(text.encode())).code == "FM2120"


@pytest.mark.parametrize(
    "text",
    ['{"id": 1, "id": 2}', '{"id": 1, "\\u0069d": {"x": 1}}', '{"id": "\\u003a", "id": "::"}', '{"id":":","id":{}}'],
)
def test_M6_a_name_that_stands_twice_makes_its_object_unreadable(text: str) -> None:
    page = json_body(f'{{"data": [{text}, {{"id": 3}}]}}'.encode())
    assert isinstance(page["data"][0], Unreadable)
    assert page["data"][0].code == "FM2126"
    assert page["data"][1] == {"id": 3}


def test_M7_nesting_beyond_what_can_be_decoded_fails_the_page() -> None:
    assert failed(json_body(b"[" * 100_000)).code == "FM2120"
    assert failed(json_body(b'{"a":' * 100_000)).code == "FM2120"


def test_M9_an_unpaired_surrogate_harms_only_its_record() -> None:
    assert json_body(b'[{"a": "\\ud800"}, {"a": 0.1}]') == [{"a": "\ud800"}, {"a": Decimal("0.1")}]
    assert json_body(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_bytes_that_are_no_utf8_fail_the_page() -> None:
    assert "UTF-8" in failed(json_body(b'"\xff"')).reason
    assert failed(json_body(b'"\xed\xa0\x80"')).code == "FM2120"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert list(bodies(b"\xef\xbb\xbf[1]", "json")) == [(3, [1])]
    assert list(bodies(b"\xef\xbb\xbfa\n1\n", "csv")) == [(5, {"a": "1"})]
    assert list(bodies(b'\xef\xbb\xbf{"a":1}', "ndjson")) == [(3, {"a": 1})]


def test_a_bad_line_leaves_the_others() -> None:
    found = list(bodies(b'{"a": 1}\r\n\n  \n{"a": \n{"a": "\\u2028"}', "ndjson"))
    assert [start for start, _ in found] == [0, 14, 21]
    assert [found[0][1], found[2][1]] == [{"a": 1}, {"a": "\u2028"}]
    assert failed(found[1][1]).code == "FM2120"


def test_rows_of_csv() -> None:
    text = b'no,name,note\r\n1,"Byron, Ada",\r\n2,"a ""b""\nc",x\r\n\r\n3,,\r\n'
    assert list(bodies(text, "csv")) == [
        (14, {"no": "1", "name": "Byron, Ada"}),
        (31, {"no": "2", "name": 'a "b"\nc', "note": "x"}),
        (50, {"no": "3"}),
    ]


def test_a_bad_row_leaves_the_others() -> None:
    found = list(bodies(b'a,b\n1,2,3\n"x"y,1\n1,\xff\n3,4\n"open\n', "csv"))
    assert [failed(value).code for _, value in found if value != {"a": "3", "b": "4"}] == ["FM2120"] * 4
    assert found[3] == (21, {"a": "3", "b": "4"})


@pytest.mark.parametrize("header", ["a,a", "a,,b", "a,b,", '"a'])
def test_a_header_that_names_no_columns_fails_the_page(header: str) -> None:
    ((_, only),) = bodies(f"{header}\n1,2,3\n".encode(), "csv")
    assert failed(only).code == "FM2120"


numbers = st.one_of(
    st.integers(-(10**40), 10**40),
    st.decimals(allow_nan=False, allow_infinity=False).map(
        lambda d: Decimal(str(d)) if abs(d.adjusted()) < 300 else Decimal(0)
    ),
)
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)),
    max_leaves=20,
)


def written(value: Any) -> str:
    """JSON of a document with exact numbers."""
    match value:
        case Decimal() | int() if not isinstance(value, bool):
            return str(value)
        case list():
            return f"[{','.join(map(written, value))}]"
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{written(item)}" for name, item in value.items()) + "}"
        case _:
            return json.dumps(value)


@settings(max_examples=150, deadline=None)
@given(documents)
def test_I14_what_is_written_is_read(document: Any) -> None:
    assert json_body(written(document).encode()) == document


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40), st.sampled_from(("json", "ndjson", "csv")))
def test_no_bytes_make_it_crash(content: bytes, form: Any) -> None:
    list(bodies(content, form))
