"""Secrets: shown nowhere, and masked in whatever contains them, in any parts."""

from __future__ import annotations

import copy
import itertools
import json
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.secret import Secret, Secrets, contains

KEY, OTHER = "comfyui-0123456789abcdef", "zzzzyyyyxxxxwwwwvvvvuuuu"
PIECES = st.lists(
    st.sampled_from(
        [KEY, KEY[:7], KEY[5:], KEY[:-1], OTHER, "c", "zz", "é", '"', "\\", "\\u00", "\\\\u0063", "\\u005c", "6f"]
    ),
    max_size=12,
)


def known(*keys: str) -> Secrets:
    secrets = Secrets()
    secrets.add(Secret(key) for key in keys)
    return secrets


def test_secret_shows_itself_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(KEY)
    with caplog.at_level(logging.INFO):
        logging.getLogger("any").info("%s %r %s", secret, [secret], {"a": secret})
    assert KEY not in f"{secret} {secret!r} {caplog.text}"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied"):
            leave(secret)
    assert secret.reveal() == KEY.encode()


def test_secret_is_masked_and_the_length_stays() -> None:
    data = f'{{"key": ["{KEY}"], "more": "{KEY}{KEY}"}}'.encode()
    masked = known(KEY).mask(data)
    assert KEY.encode() not in masked and len(masked) == len(data)
    assert masked == data.replace(KEY.encode(), b"*" * len(KEY))
    assert known(KEY).mask(bytearray(data)) == masked
    assert Secrets().mask(data) is data


def escaped(text: str, backslashes: str = "\\", form: str = "04x") -> str:
    return "".join(f"{backslashes}u{ord(letter):{form}}" for letter in text)


SPELLINGS = [
    escaped(KEY),
    escaped(KEY, form="04X"),
    escaped(KEY[:3]) + KEY[3:],
    KEY[:-1] + escaped(KEY[-1]),
    json.dumps(json.dumps(KEY, ensure_ascii=True).replace("c", "\\u0063")),
    json.dumps(json.dumps([escaped(KEY)])),
    escaped(KEY, "\\" * 8),
    escaped(KEY, "\\u005c"),
    escaped(KEY, "\\u005C\\\\u005c"),
]


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_escapes_hide_no_secret(spelled: str) -> None:
    data = f'{{"a": "{spelled}", "b": 1}}'.encode()
    masked = known(KEY, OTHER).mask(data)
    assert len(masked) == len(data) and masked.startswith(b'{"a": "') and masked.endswith(b'", "b": 1}')
    assert contains(data, KEY) and not contains(masked, KEY)
    assert b"u00" not in masked and b"omfyui" not in masked and b"ef" not in masked


def test_secret_in_a_header_is_masked() -> None:
    assert known(KEY).mask_text(f'W/"{KEY}-1"') == f'W/"{"*" * len(KEY)}-1"'


def test_longest_key_is_masked_in_parts() -> None:
    long = "k" * 511 + "e"
    data = f'{{"a": "{escaped(long)}"}}'.encode()
    stream = known(long).stream()
    passed = b"".join(stream.feed(data[at : at + 500]) for at in range(0, len(data), 500)) + stream.end()
    assert passed == known(long).mask(data) and b"u00" not in passed


@given(PIECES, st.sampled_from([*SPELLINGS, ""]), st.lists(st.integers(0, 300), max_size=20))
def test_masked_stream_equals_the_masked_whole(pieces: list[str], spelled: str, cuts: list[int]) -> None:
    data = spelled.join(pieces).encode()
    stream = known(KEY, OTHER).stream()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    passed = b"".join(stream.feed(data[start:end]) for start, end in itertools.pairwise(places)) + stream.end()
    assert passed == known(KEY, OTHER).mask(data)


def test_stream_delays_only_what_may_begin_a_secret() -> None:
    stream = known(KEY).stream()
    assert stream.feed(b"a picture") == b"a picture"
    assert stream.feed(b"abc" + KEY[:4].encode()) == b"abc"
    assert stream.feed(b"!") == KEY[:4].encode() + b"!"
    assert stream.end() == b""
