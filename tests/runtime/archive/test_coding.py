"""Content codings: whole or an error, and never more memory than the bounds allow."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmap.runtime.archive.coding import CodingError, decoded


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4))
def test_N04_all_members_are_decoded(contents: list[bytes]) -> None:
    body = b"".join(gzip.compress(content) for content in contents)
    assert decoded(body, "gzip") == b"".join(contents) == gzip.decompress(body)


@given(st.binary(max_size=1000))
def test_N03_gzip_cut_anywhere(content: bytes) -> None:
    body = gzip.compress(content)
    for length in range(len(body)):
        with pytest.raises(CodingError) as caught:
            decoded(body[:length], "gzip")
        assert caught.value.again


@given(st.binary(min_size=1, max_size=300), st.data())
def test_N03_gzip_damaged(content: bytes, data: st.DataObject) -> None:
    body = bytearray(gzip.compress(content, mtime=0))
    at = data.draw(st.integers(10, len(body) - 1))
    body[at] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(CodingError):
        assert decoded(bytes(body), "gzip") == content


def test_N05_a_bomb_is_stopped_before_it_takes_memory() -> None:
    bomb = gzip.compress(bytes(64 << 20), 6)
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(CodingError, match="200 times its size") as caught:
        decoded(bomb, "gzip")
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()
    assert not caught.value.again


def test_N05_many_members_count_together() -> None:
    member = gzip.compress(bytes(1 << 20), 9)
    with pytest.raises(CodingError, match="times its size"):
        decoded(member * 5, "gzip")


def test_N05_members_without_end() -> None:
    with pytest.raises(CodingError, match="more than 10,000 gzip members"):
        decoded(gzip.compress(b"") * 20_000, "gzip")


def test_a_small_body_may_shrink_a_lot() -> None:
    content = b'{"data":[]}' + b" " * (1 << 19)
    assert decoded(gzip.compress(content), "gzip") == content


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "deflate", "zstd", "compress", "\x00"])
def test_N05_other_and_nested_codings(coding: str) -> None:
    with pytest.raises(CodingError, match="only gzip was offered"):
        decoded(b"x", coding)


@pytest.mark.parametrize("coding", ["", "identity", " Identity "])
def test_identity(coding: str) -> None:
    assert decoded(b"x", coding) == b"x"


def test_zeros_after_the_stream_are_filling_and_anything_else_is_not() -> None:
    body = gzip.compress(b"x")
    assert decoded(body + bytes(1000), "x-gzip") == b"x"
    for rest in (b"x", bytes(10) + b"x", zlib.compress(b"x")):
        with pytest.raises(CodingError):
            decoded(body + rest, "gzip")
    with pytest.raises(CodingError, match="is empty"):
        decoded(b"", "gzip")
