"""The output of a script: sent line by line, bounded if there is much, and never lost without a notice."""

from __future__ import annotations

import io

import pytest

from app.scripting.output import (
    CHARACTERS,
    CHARACTERS_PER_SECOND,
    MESSAGES,
    MESSAGES_PER_SECOND,
    Outlet,
    Stream,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sent() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def outlet(clock: Clock, sent: list[tuple[str, str]]) -> Outlet:
    return Outlet(lambda kind, text: sent.append((kind, text)), clock)


def test_little_output_is_sent_line_by_line(outlet: Outlet, sent: list[tuple[str, str]]) -> None:
    out, err = Stream(outlet, "out"), Stream(outlet, "err")
    print("a", file=out)
    print("b", file=err)
    print("c", end="", file=err)
    assert sent == [("out", "a\n"), ("err", "b\n")]
    assert outlet.is_holding
    print("d", end="", flush=True, file=err)
    assert sent[-1] == ("err", "cd")
    assert not outlet.is_holding


def test_much_output_is_collected_and_bounded(outlet: Outlet, sent: list[tuple[str, str]], clock: Clock) -> None:
    lines = 100_000
    for _ in range(lines):
        outlet.write("out", "flood\n")
        clock.now += 1e-5
    outlet.flush()
    assert len(sent) <= MESSAGES + lines * 1e-5 * MESSAGES_PER_SECOND + 2
    kept = sum(text.count("flood\n") for _, text in sent)
    assert kept * 6 <= CHARACTERS + lines * 1e-5 * CHARACTERS_PER_SECOND
    assert kept * 6 > CHARACTERS
    assert any("characters left out" in text for _, text in sent)


def test_omitted_output_is_counted(outlet: Outlet, sent: list[tuple[str, str]]) -> None:
    outlet.write("out", "x" * (int(CHARACTERS) + 5))
    outlet.flush()
    assert sent == [("out", "x" * int(CHARACTERS) + "\n… 5 characters left out …\n")]


def test_delayed_output_is_sent_with_the_next_or_a_flush(
    outlet: Outlet, sent: list[tuple[str, str]], clock: Clock
) -> None:
    for _ in range(int(MESSAGES)):
        outlet.write("out", ".\n")
    outlet.write("out", "held\n")
    Stream(outlet, "out").flush()
    assert outlet.is_holding
    assert sent[-1] == ("out", ".\n")
    clock.now += 1.0
    outlet.write("out", "!\n")
    assert sent[-1] == ("out", "held\n!\n")
    outlet.flush()
    assert len(sent) == MESSAGES + 1, "nothing is sent twice"


def test_order_of_both_streams_is_kept(outlet: Outlet, sent: list[tuple[str, str]]) -> None:
    for _ in range(int(MESSAGES)):
        outlet.write("out", ".\n")
    outlet.write("out", "a")
    outlet.write("err", "b")
    outlet.write("out", "c")
    outlet.flush()
    assert sent[-3:] == [("out", "a"), ("err", "b"), ("out", "c")]


def test_stream_is_a_text_stream(outlet: Outlet) -> None:
    stream = Stream(outlet, "out")
    assert isinstance(stream, io.TextIOBase)
    assert (stream.writable(), stream.write(""), stream.write("ab")) == (True, 0, 2)
    with pytest.raises(TypeError):
        stream.write(b"ab")  # type: ignore[arg-type]
