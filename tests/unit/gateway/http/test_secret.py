"""Secrets: shown nowhere, and masked in whatever contains them, in any parts."""

from __future__ import annotations

import copy
import itertools
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.secret import Secret, Secrets

KEY, OTHER = "comfyui-0123456789abcdef", "zzzzyyyyxxxxwwwwvvvvuuuu"
PIECES = st.lists(st.sampled_from([KEY, KEY[:7], KEY[5:], KEY[:-1], OTHER, "c", "zz", "é", '"']), max_size=12)


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


@given(PIECES, st.lists(st.integers(0, 300), max_size=20))
def test_masked_stream_equals_the_masked_whole(pieces: list[str], cuts: list[int]) -> None:
    data = "".join(pieces).encode()
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
