"""The reader of JSON from outside: bounded before anything is built, and otherwise like the standard library."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.json_reader import DEEPEST, LONGEST_NUMBER, Bounds, JsonError, NotJson, Scan, TooMuch, read_json

BOUNDS = Bounds(size=32 * 1024 * 1024)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def count(value: Any) -> int:
    """Return the number of values in a value, including itself."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(count(child) for child in children)


@settings(max_examples=60, deadline=None)
@given(value=VALUES, is_ascii=st.booleans(), cut=st.integers(1, 7))
def test_values_are_read_as_the_standard_library_does(value: Any, is_ascii: bool, cut: int) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert read_json(json.dumps(value).encode(), BOUNDS) == value
    scan = Scan(BOUNDS)
    for start in range(0, len(text), cut):
        scan.feed(text[start : start + cut])
    assert scan.values + 1 >= count(value)


@settings(max_examples=60, deadline=None)
@given(value=VALUES, cut=st.integers(1, 7))
def test_chunks_count_the_same_as_the_whole(value: Any, cut: int) -> None:
    text = json.dumps([value, '\\"[[,', "\\"]).encode()
    whole, parts = Scan(BOUNDS), Scan(BOUNDS)
    whole.feed(text)
    for start in range(0, len(text), cut):
        parts.feed(text[start : start + cut])
    assert parts.values == whole.values


@settings(max_examples=60, deadline=None)
@given(text=st.binary() | st.text(alphabet='[]{},:"\\ 0aNu').map(str.encode))
def test_any_bytes_are_a_value_or_a_json_error(text: bytes) -> None:
    try:
        known = json.loads(text.decode())
    except ValueError:
        with pytest.raises(JsonError):
            read_json(text, BOUNDS)
    else:
        assert json.dumps(read_json(text, BOUNDS)) == json.dumps(known)


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"[]," * 3_000_000 + b"1]",
        b"[" + b"0," * 4_500_000 + b"1]",
        b"[" + b'"",' * 3_000_000 + b"1]",
        b"{" + b'"":0,' * 3_000_000 + b'"":1}',
        b"[" * 9_000_000,
        b'"",' * 3_000_000,
    ],
    ids=["lists", "numbers", "texts", "keys", "brackets", "loose texts"],
)
def test_too_many_values_are_refused_before_they_are_built(text: bytes) -> None:
    scan = Scan(BOUNDS)
    with pytest.raises(JsonError):
        scan.feed(text)
    assert scan.values <= BOUNDS.values + 65_536 * 2  # the rest is not even counted


def test_as_many_values_as_are_allowed_pass() -> None:
    assert len(read_json(b"[" + b"0," * 199_998 + b"0]", BOUNDS)) == 199_999
    with pytest.raises(TooMuch, match="200,000 values"):
        read_json(b"[" + b"0," * 200_000 + b"0]", BOUNDS)


def test_brackets_and_commas_within_texts_do_not_count() -> None:
    text = json.dumps({"text": '[{,\\"' * 300_000}).encode()
    assert read_json(text, BOUNDS) == json.loads(text)


def test_depth_is_bounded() -> None:
    assert read_json(b"[" * DEEPEST + b"]" * DEEPEST, BOUNDS)
    for begin, end in ((b"[", b"]"), (b'{"a":', b"}")):
        with pytest.raises(NotJson, match="nested"):
            read_json(begin * (DEEPEST + 1) + b"1" + end * (DEEPEST + 1), BOUNDS)


def test_size_is_bounded() -> None:
    with pytest.raises(TooMuch, match="10 bytes"):
        read_json(b'"123456789"', Bounds(size=10))


def test_long_numbers_are_refused() -> None:
    assert read_json(b"9" * LONGEST_NUMBER, BOUNDS) == int("9" * LONGEST_NUMBER)
    with pytest.raises(NotJson, match="digits"):
        read_json(b"[" + b"9" * 4_000 + b"]", BOUNDS)
    assert read_json(b'"' + b"9" * 4_000 + b'"', BOUNDS) == "9" * 4_000


@pytest.mark.parametrize("text", [b"[NaN]", b"[Infinity]", b"[-Infinity]"])
def test_nan_and_large_numbers_are_read_unless_strict(text: bytes) -> None:
    assert json.dumps(read_json(text, BOUNDS)).encode() == text
    with pytest.raises(NotJson):
        read_json(text, BOUNDS, is_strict=True)


def test_half_a_surrogate_pair_is_read() -> None:
    assert read_json(b'"\\ud800"', BOUNDS, is_strict=True) == "\ud800"
