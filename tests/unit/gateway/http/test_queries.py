"""Queries are read with single keys, and what a server reads is what was judged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gateway.http.queries import QueryError, for_server, judge_query, read_query, write_query

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NAMED = st.dictionaries(st.from_regex(r"[A-Za-z0-9_]+", fullmatch=True), TEXTS, max_size=6)
RAW = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=60)


def as_a_server_reads(query: str) -> list[tuple[str, str]]:
    """Return what aiohttp's request has as its query, which ComfyUI reads."""
    return list(URL.build(path="/view", query_string=query, encoded=True).query.items())


@given(NAMED)
def test_server_reads_what_was_written(named: dict[str, str]) -> None:
    query = write_query(named)
    assert as_a_server_reads(query) == list(named.items())
    assert read_query(query) == named


@given(RAW | st.builds("filename={}&type={}".format, RAW, RAW))
def test_server_reads_what_was_judged(raw: str) -> None:
    try:
        named = read_query(raw)
    except QueryError:
        return
    assert as_a_server_reads(write_query(named)) == list(named.items())


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ("", {}),
        ("filename=a%20b+c", {"filename": "a b c"}),
        ("filename=a;type=b", {"filename": "a;type=b"}),
        ("filename=%E6%97%a5=", {"filename": "日="}),
        ("filename=%26type=x&type=", {"filename": "&type=x", "type": ""}),
    ],
)
def test_values_are_decoded_once(raw: str, named: dict[str, str]) -> None:
    assert read_query(raw) == named


@pytest.mark.parametrize(
    "raw",
    [
        "filename=theirs&filename=own",
        "filename=theirs&type=output&filename=theirs",
        "file%6eame=theirs&filename=own",
        "filename=a&&type=input",
        "filename=a&",
        "&filename=a",
        "filename",
        "=a",
        "filename=a%00.png",
        "filename=a%2",
        "filename=a%zz",
        "filename=%ff",
        "filename=%c0%af",
        "filename=%ed%a0%80",
    ],
)
def test_query_that_readers_may_understand_otherwise_is_refused(raw: str) -> None:
    with pytest.raises(QueryError):
        judge_query("/view", raw)


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/prompt", "x=1"),
        ("/queue", "mooring=1"),
        ("/view", "filename=a&rand=1"),
        ("/view", "filename=a&preview=webp;90"),
        ("/view", "filename=a&channel=rgb"),
        ("/view", "FILENAME=a"),
        ("/view", f"filename=blake3%3A{'0' * 64}"),
        ("/history", "max_items=x"),
        ("/history", "max_items="),
        ("/history", "limit=1"),
        ("/userdata", ""),
        ("/userdata", "dir=."),
        ("/userdata", "dir=workflows&x=1"),
        ("/view_metadata/loras", "filename=..%2Fa"),
        ("/view_metadata/loras", "filename=a&x=1"),
    ],
)
def test_query_that_a_route_does_not_have_is_refused(path: str, raw: str) -> None:
    with pytest.raises(QueryError):
        judge_query(path, raw)


def test_own_keys_do_not_reach_the_server() -> None:
    named = judge_query("/view", "mooring=0fcb&filename=a%20b&seal=alice~1&type=input&subfolder=")
    assert for_server(named) == "filename=a%20b&type=input&subfolder="
