"""Fields: what a person types becomes exactly that value, or a typed refusal."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.workflows.forms.fields import Field
from app.workflows.forms.kinds import (
    MAX_DRAWN,
    MAX_SEED,
    Choice,
    Decimal,
    Kind,
    Seed,
    SeedMode,
    Switch,
    Text,
    Unknown,
    Upload,
    Whole,
)

UP_TO_TEN = Whole(0, 10)


def field(kind: Kind, value: object = None, *, is_absent: bool = False, is_optional: bool = False) -> Field:
    return Field(
        node_id="1",
        input_name="x",
        kind=kind,
        label="X",
        value=value,
        is_absent=is_absent,
        is_optional=is_optional,
    )


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (UP_TO_TEN, "7", 7),
        (UP_TO_TEN, " 7 ", 7),
        (UP_TO_TEN, "７", 7),
        (Seed(), "18446744073709551615", MAX_SEED),
        (Decimal(0.0, 1.0), "0.25", 0.25),
        (Decimal(), "8", 8.0),
        (Decimal(), "1e-3", 0.001),
        (Switch(), "true", True),
        (Switch(), "false", False),
        (Text(), " a\nb ", " a\nb "),
        (Text(), "", ""),
        (Choice(("euler", "ddim")), "ddim", "ddim"),
        (Choice((1, 2.5, True)), "1", 1),
        (Choice((1, 2.5, True)), "2.5", 2.5),
        (Choice((1, 2.5, True)), "true", True),
        (Choice((), remote_route="/models"), "anything", "anything"),
        (Upload(), "holiday.png", "holiday.png"),
    ],
)
def test_a_text_becomes_exactly_its_value(kind: Kind, text: str, value: object) -> None:
    parsed = field(kind).parse(text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text", "cause"),
    [
        (UP_TO_TEN, "", "not-a-number"),
        (UP_TO_TEN, "seven", "not-a-number"),
        (UP_TO_TEN, "1.5", "not-a-number"),
        (UP_TO_TEN, "1_0", "not-a-number"),
        (UP_TO_TEN, "9" * 5000, "not-a-number"),
        (UP_TO_TEN, "11", "out-of-range"),
        (UP_TO_TEN, "-1", "out-of-range"),
        (Seed(), "18446744073709551616", "out-of-range"),
        (Decimal(), "nan", "not-a-number"),
        (Decimal(), "inf", "not-a-number"),
        (Decimal(), "1e400", "not-a-number"),
        (Decimal(), "1_0", "not-a-number"),
        (Decimal(0.5), "0.4", "out-of-range"),
        (Switch(), "yes", "not-an-option"),
        (Choice(("euler",)), "sharpest", "not-an-option"),
        (Choice(("euler",)), "", "not-an-option"),
        (Choice((1, 2)), "3", "not-an-option"),
    ],
)
def test_invalid_value_is_refused_with_reason(kind: Kind, text: str, cause: str) -> None:
    with pytest.raises(BadInput) as refused:
        field(kind).parse(text)
    assert (refused.value.cause, refused.value.name) == (cause, "X")
    assert field(kind).fault(text) is not None


def test_a_refusal_names_the_limits() -> None:
    for kind, bounds in ((Whole(0, 10), "0 – 10"), (Whole(None, 10), "– 10"), (Whole(0), "0 –")):
        fault = field(kind).fault("-1" if kind.minimum == 0 else "11")
        assert fault is not None
        assert fault.detail == bounds


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Whole(), 20, "20"),
        (Whole(), 20.0, "20"),
        (Whole(), "20", "20"),
        (Whole(), True, "1"),
        (Decimal(), 8, "8"),
        (Decimal(), 8.0, "8.0"),
        (Switch(), True, "true"),
        (Switch(), 0, "false"),
        (Text(), "a", "a"),
        (Text(), 5, "5"),
        (Choice(("a",)), "gone.safetensors", "gone.safetensors"),
        (Choice((1, 2)), 2, "2"),
        (Upload(), "", ""),
        (Unknown(), {"a": [1]}, '{"a": [1]}'),
    ],
)
def test_untouched_value_is_sent_unchanged(kind: Kind, value: object, text: str) -> None:
    item = field(kind, value)
    assert item.text == text
    assert item.parse(item.text) is value


def test_an_untouched_number_is_judged_all_the_same() -> None:
    assert field(UP_TO_TEN, 99).fault("99") is not None


def test_input_without_control_cannot_be_changed() -> None:
    value = {"a": [1]}
    assert field(Unknown(), value).parse("something else") is value


def test_optional_input_is_left_out_until_typed() -> None:
    item = field(UP_TO_TEN, 3, is_absent=True, is_optional=True)
    assert item.text == ""
    assert item.is_left_out("")
    assert item.fault("") is None
    assert item.parse("3") == 3
    assert field(Choice(()), None, is_absent=True).is_left_out("")
    needed = field(UP_TO_TEN, 3, is_absent=True)
    assert (needed.text, needed.is_left_out("")) == ("3", False)
    assert needed.fault("") is not None


@given(st.integers(-(2**63), 2**64 - 1))
def test_whole_numbers_keep_every_bit(number: int) -> None:
    item = field(Whole(-(2**63), 2**64 - 1), number)
    assert item.parse(item.text) == number
    assert field(Whole()).parse(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_keep_every_bit(number: float) -> None:
    shown = field(Decimal(), number)
    for parsed in (field(Decimal()).parse(Decimal().text_of(number)), shown.parse(shown.text)):
        assert isinstance(parsed, float)
        assert parsed == number
        assert math.copysign(1, parsed) == math.copysign(1, number)


@given(st.text())
def test_any_text_is_a_value_or_a_typed_refusal(text: str) -> None:
    for kind in (UP_TO_TEN, Decimal(), Seed(), Switch(), Choice(("a", 1)), Text(), Upload(), Unknown()):
        item = field(kind, 1)
        fault = item.fault(text)
        assert (fault is None) == _can_parse(item, text)


def _can_parse(item: Field, text: str) -> bool:
    try:
        item.parse(text)
    except BadInput:
        return False
    return True


@pytest.mark.parametrize(
    ("mode", "number", "after"),
    [
        (SeedMode.FIXED, 7, 7),
        (SeedMode.RANDOM, 7, 7),  # drawn before the run, outside the core
        (SeedMode.UP, 7, 8),
        (SeedMode.DOWN, 7, 6),
        (SeedMode.UP, MAX_SEED, 0),
        (SeedMode.DOWN, 0, MAX_SEED),
    ],
)
def test_seed_continues_by_its_mode(mode: SeedMode, number: int, after: int) -> None:
    assert Seed().following(number, mode) == after


def test_a_drawn_seed_survives_the_editor() -> None:
    assert Seed().highest_drawn == MAX_DRAWN
    assert int(float(MAX_DRAWN)) == MAX_DRAWN
    assert Seed(0, 99).highest_drawn == 99


def test_a_choice_of_thousands_shares_its_options() -> None:
    options: tuple[object, ...] = tuple(f"{number}.safetensors" for number in range(3000))
    kind = Choice(options)
    assert kind.options is options
    assert field(kind).parse("2999.safetensors") == "2999.safetensors"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0000000000000002, "1.0"), (0.1 + 0.2, "0.3"), (0.7999999999999999, "0.8"), (8.0, "8.0"), (1e-9, "1e-09")],
)
def test_decimal_is_shown_without_the_digits_of_its_storage(value: float, text: str) -> None:
    item = Field(node_id="1", input_name="strength", kind=Decimal(), label="", value=value)
    assert item.text == text
    assert item.parse(item.text) == value, "what is not changed is sent as it is"


@pytest.mark.parametrize(
    ("options", "other"), [(("xl\\a", "xl\\b"), ("xl/a", "xl/b")), (("xl/a", "xl/b"), ("xl\\a", "xl\\b"))]
)
def test_a_model_shows_as_the_server_spells_it(options: tuple[str, str], other: tuple[str, str]) -> None:
    item = field(Choice(options), other[0])
    assert item.text == item.text_in({item.key: other[0]}) == options[0]
    assert item.text_in({item.key: other[1]}) == options[1]
    assert [item.parse(text) for text in (*other, *options)] == [other[0], options[1], other[0], options[1]]


def test_only_a_choice_is_spelled_as_in_its_options() -> None:
    for kind in (Text(), Upload(options=("xl\\a",))):
        assert field(kind, "xl/a").text == field(kind).text_in({("1", "x"): "xl/a"}) == "xl/a"
    assert field(Choice(("xl\\a",)), "xl/c").text == "xl/c"
