"""Running a script: its value, its end, and the messages about it."""

from __future__ import annotations

import asyncio

import pytest

from app.scripting.runner import MOST_SHOWN, Runner, show

Sent = list[tuple[str, str]]


async def run(source: str, runner: Runner | None = None, sent: Sent | None = None) -> Sent:
    messages: Sent = [] if sent is None else sent
    one = runner or Runner(lambda kind, text: messages.append((kind, text)))
    await one.start(source)
    return messages


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 1", "2"),
        ("x = 1\nx", "1"),
        ("import asyncio\nawait asyncio.sleep(0, 'a')", "'a'"),
        ("{'b': 1, 'a': 2}", "{'b': 1, 'a': 2}"),
        ("[item async for item in it()]", "[1]"),
    ],
)
async def test_value_of_last_expression_is_sent(source: str, value: str) -> None:
    assert await run(f"async def it():\n    yield 1\n{source}") == [("value", value), ("end", "done")]


@pytest.mark.parametrize("source", ["", "# nothing", "None", "x = 1", "import sys\nsys.exit()"])
async def test_missing_value_is_not_sent(source: str) -> None:
    assert await run(source) == [("end", "done")]


async def test_names_persist_between_scripts() -> None:
    sent: Sent = []
    runner = Runner(lambda kind, text: sent.append((kind, text)))
    await run("def double(x):\n    return 2 * x", runner)
    await run("await_ = double(4)\nawait_", runner)
    await run("_ + 1", runner)
    assert [text for kind, text in sent if kind == "value"] == ["8", "9"]


async def test_error_shows_only_lines_of_the_script() -> None:
    sent = await run("def f():\n    return 1 / 0\n\nf()")
    assert sent[-1] == ("end", "failed")
    [text] = [text for kind, text in sent if kind == "error"]
    assert text.startswith('Traceback (most recent call last):\n  File "<script 1>", line 4')
    assert "    return 1 / 0" in text
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert "runner.py" not in text


async def test_cause_of_an_error_is_trimmed_too() -> None:
    source = "try:\n    int('x')\nexcept ValueError as error:\n    raise KeyError('y') from error"
    [(_, text), _end] = await run(source)
    assert "direct cause" in text
    assert "runner.py" not in text


async def test_endless_recursion_is_shown_in_few_lines() -> None:
    [(_, text), end] = await run("def f(): f()\nf()")
    assert "RecursionError" in text
    assert len(text.splitlines()) < 100
    assert end == ("end", "failed")


async def test_syntax_error_is_shown_with_its_line() -> None:
    [(kind, text), end] = await run("x = (\n")
    assert (kind, end) == ("error", ("end", "failed"))
    assert 'File "<script 1>", line 1' in text
    assert "SyntaxError" in text


async def test_waiting_script_can_be_stopped() -> None:
    sent: Sent = []
    runner = Runner(lambda kind, text: sent.append((kind, text)))
    running = runner.start("import asyncio\nx = 1\nawait asyncio.Event().wait()")
    await asyncio.sleep(0)
    assert runner.is_running
    runner.stop()
    await running
    assert sent == [("end", "stopped")]
    assert not runner.is_running
    await run("x", runner)
    assert sent[-2:] == [("value", "1"), ("end", "done")]


def test_value_is_bounded_and_showing_it_never_fails() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert show(Broken()) == "<Broken that cannot be shown: RuntimeError('no')>"
    assert len(show("x" * 10**6)) <= MOST_SHOWN + 2
    assert show({"b": 1, "a": 2}) == "{'b': 1, 'a': 2}"


async def test_output_comes_before_value_and_error() -> None:
    order: list[str] = []
    await Runner(lambda kind, _text: order.append(kind), lambda: order.append("flush")).start("1")
    assert order == ["flush", "value", "flush", "end"]
    order.clear()
    await Runner(lambda kind, _text: order.append(kind), lambda: order.append("flush")).start("1/0")
    assert order == ["flush", "error", "flush", "end"]
