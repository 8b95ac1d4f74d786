"""The benchmark of how parsers grow: it finds one that grows too fast, and can measure each of ours."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable

import pytest

from benchmarks.parsers import ASKED, SIZES, Parser, Row, measure, parsers

SMALL, LARGE = 2**12, 2**16
MEGABYTE = 2**20
SCALE = 2**10  # the texts of made-up parsers have so many bytes less than they count


class Clock:
    """A clock that only the parser moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True, scope="module")
def cheap_collections() -> None:
    """Keep objects of other tests out of the collections before each measurement."""
    gc.freeze()


def measured(cost: Callable[[int], float], *, largest: int = SIZES[-1], refusal: Callable[[int], float] = float) -> Row:
    """Measure a parser that takes `cost` seconds for each size, and refuses texts above `largest`."""
    clock = Clock()

    def work(text: bytes) -> None:
        size = SCALE * len(text)
        if size > largest:
            clock.now += refusal(size)
            raise ValueError
        clock.now += cost(size)

    row = measure(Parser("made up", work, b"x"), tuple(size // SCALE for size in SIZES), clock, rounds=2)
    accepted, refused = ({SCALE * size: took for size, took in times.items()} for times in (row.accepted, row.refused))
    return Row(row.parser, accepted, refused)


@pytest.mark.parametrize(
    ("cost", "exponent"),
    [
        (lambda n: 1e-9 * n**2, 2.0),
        (lambda n: 1e-15 * n**2, 2.0),
        (lambda n: 1e-10 * n**1.5, 1.5),
        (lambda n: 1e-8 * n, 1.0),
        (lambda n: 1e-9 * n * math.log(n), 1.06),
        (lambda _: 1e-4, 0.0),
    ],
)
def test_exponent_of_a_power_is_found(cost: Callable[[int], float], exponent: float) -> None:
    assert measured(cost).exponent == pytest.approx(exponent, abs=0.02)


@pytest.mark.parametrize("largest", [32 * MEGABYTE, 8 * MEGABYTE, MEGABYTE // 2, 2**14])
@pytest.mark.parametrize("power", [1.5, 2.0])
def test_fast_growth_below_a_bound_fails(largest: int, power: float) -> None:
    row = measured(lambda n: 1e-11 * n**power, largest=largest, refusal=lambda _: 1e-4)
    assert row.exponent > ASKED
    assert max(row.accepted) <= largest


@pytest.mark.parametrize("second", [MEGABYTE, 8 * MEGABYTE])
def test_fast_growth_of_a_refusal_fails(second: int) -> None:
    """Also if a second bound refuses larger texts immediately."""
    row = measured(lambda n: 1e-9 * n, largest=2**14, refusal=lambda n: 1e-11 * n**1.5 if n < second else 1e-4)
    assert row.exponent > ASKED


def test_square_hidden_in_linear_time_fails() -> None:
    largest = SIZES[-1]
    assert measured(lambda n: 1e-9 * n * (1 + n / largest)).exponent > ASKED


def test_larger_texts_are_left_out_after_a_slow_one() -> None:
    assert max(measured(lambda n: 1e-9 * n**2).accepted) < SIZES[-1]


@pytest.mark.parametrize("parser", parsers(), ids=lambda parser: parser.name)
def test_each_parser_can_be_measured(parser: Parser) -> None:
    row = measure(parser, (SMALL, LARGE), rounds=1)
    assert {*row.accepted, *row.refused} == {SMALL, LARGE}
