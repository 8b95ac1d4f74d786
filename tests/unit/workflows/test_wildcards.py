"""Prompts with choices and wildcards: the results of the reference implementation, names, bounds."""

from __future__ import annotations

import contextlib
import random
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.core.errors import BadInput
from app.workflows.editor.texts import resolve_prompt
from app.workflows.wildcards import (
    ANY_FILE,
    LONGEST,
    NO_WILDCARDS,
    WildcardNames,
    Wildcards,
    expand,
    first_unknown,
    has_escapes,
    has_syntax,
    read_lines,
    references,
    seems_meant,
)

FILES = {
    "cats": ["tabby", "black"],
    "animals/dogs": ["hound"],
    "animals/birds": ["wren", "{owl|crow}"],
    "colours-cold": ["blue", "green"],
    "colours-warm": ["red"],
    "nested": ["a __cats__"],
    "sizes": ["small", "large", "huge"],
}
ALL = Wildcards(WildcardNames(FILES), FILES)


def outcomes(template: str, wildcards: Wildcards = ALL, count: int = 400) -> set[str]:
    chance = random.Random(1)
    return {expand(template, chance.randrange, wildcards) for _ in range(count)}


# What dynamicprompts 0.31.0 gives for these files, by its random sampler, in 600 draws of each.
REFERENCE = [
    ("{a|b}", ["a", "b"]),
    ("x {a|b} y", ["x a y", "x b y"]),
    ("{a|{b|c}}", ["a", "b", "c"]),
    ("{a||b}", ["", "a", "b"]),
    ("{}", [""]),
    ("a } b", ["a } b"]),
    ("{a|b} {a|b}", ["a a", "a b", "b a", "b b"]),
    ("{0.5::a|b}", ["a", "b"]),
    ("{2::a}", ["a"]),
    ("{ 3::a | 1::b }", ["a ", "b "]),
    ("{2$$a|b|c}", ["a,b", "a,c", "b,a", "b,c", "c,a", "c,b"]),
    ("{2$$ a | b }", ["a ,b ", "b ,a "]),
    ("{2$$ and $$a|b|c}", ["a and b", "a and c", "b and a", "b and c", "c and a", "c and b"]),
    ("{2$$, $$0.1::a|b|c}", ["a, b", "a, c", "b, a", "b, c", "c, a", "c, b"]),
    ("{2$$ | $$a|b}", ["a | b", "b | a"]),
    ("{1-2$$a|b}", ["a", "a,b", "b", "b,a"]),
    ("{-2$$a|b}", ["a", "a,b", "b", "b,a"]),
    ("{1-$$a|b}", ["a", "a,b", "b", "b,a"]),
    ("{0-1$$a|b}", ["", "a", "b"]),
    ("{0$$a|b}", [""]),
    ("{1$$a|b}", ["a", "b"]),
    ("{4$$a|b}", ["a,b", "b,a"]),
    (
        "{2-3$$ and $$a|b|c}",
        [
            "a and b",
            "a and b and c",
            "a and c",
            "a and c and b",
            "b and a",
            "b and a and c",
            "b and c",
            "b and c and a",
            "c and a",
            "c and a and b",
            "c and b",
            "c and b and a",
        ],
    ),
    ("{2$$__cats__}", ["black,tabby", "tabby,black"]),
    ("{2$$-$$__cats__}", ["black-tabby", "tabby-black"]),
    ("{2$$__cats__|x}", ["black,x", "tabby,x", "x,black", "x,tabby"]),
    ("__cats__", ["black", "tabby"]),
    ("__~cats__", ["black", "tabby"]),
    ("a__cats__b", ["ablackb", "atabbyb"]),
    ("{__cats__|x}", ["black", "tabby", "x"]),
    ("__animals/dogs__", ["hound"]),
    ("__dogs__", ["hound"]),
    ("__animals/*__", ["crow", "hound", "owl", "wren"]),
    ("__**/birds__", ["crow", "owl", "wren"]),
    ("__colours*__", ["blue", "green", "red"]),
    ("__nested__", ["a black", "a tabby"]),
    ("__{cats|nested}__", ["a black", "a tabby", "black", "tabby"]),
]


@pytest.mark.parametrize(("template", "expected"), REFERENCE)
def test_template_has_the_reference_results(template: str, expected: list[str]) -> None:
    assert sorted(outcomes(template)) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("__CATS__", {"black", "tabby"}),  # Impact Pack ignores case, and Windows has no other files
        ("__animals\\dogs__", {"hound"}),
        ("__*dogs__", {"hound"}),
        (r"\__cats__", {"__cats__"}),
        (r"\{a|b\}", {"{a|b}"}),
        (r"{a\|b|c}", {"a|b", "c"}),
        ("{a|b", {"a", "b"}),  # as in the editor
        ("red // a comment\n{a|b} /* more */", {"red \na ", "red \nb "}),
        ("{2$$a$$b}", {"b"}),  # one choice
        ("(long hair:1.2), <lora:ink:1>", {"(long hair:1.2), <lora:ink:1>"}),
        ("snake_case__", {"snake_case__"}),
    ],
)
def test_template_of_our_own_syntax(template: str, expected: set[str]) -> None:
    assert outcomes(template) == expected


def test_weights_are_shares_of_the_draws() -> None:
    chance = random.Random(7)
    found = Counter(expand("{3::a|b|0::c}", chance.randrange) for _ in range(4000))
    assert set(found) == {"a", "b"}
    assert 0.72 < found["a"] / 4000 < 0.78


def test_weights_of_nothing_are_ignored() -> None:
    assert outcomes("{0::a|0::b}") == {"a", "b"}


def test_line_may_have_a_weight_where_several_are_drawn() -> None:
    lines = Wildcards(WildcardNames(["w"]), {"w": ["0::a", "1::b"]})
    assert outcomes("{1$$__w__}", lines) == {"b"}


@given(st.text("ab{}|\\ /*\n_$", max_size=30).filter(lambda text: "$$" not in text and "__" not in text))
def test_choices_are_drawn_as_in_the_editor(template: str) -> None:
    def choose(count: int) -> int:
        return count - 1

    expected = resolve_prompt(template, choose)
    assume("__" not in expected)  # a choice may make the name of a wildcard
    assert expand(template, choose) == expected


@given(st.text("a1{}|\\$-:_/* .", max_size=60))
def test_any_text_is_drawn_or_refused(template: str) -> None:
    with contextlib.suppress(BadInput):
        expand(template, lambda count: count - 1, ALL)


def cause_of(template: str, wildcards: Wildcards = NO_WILDCARDS) -> str:
    with pytest.raises(BadInput) as raised:
        expand(template, lambda count: count - 1, wildcards)
    return raised.value.cause


@pytest.mark.parametrize(
    ("files", "template", "cause"),
    [
        ({}, "a __moon__", "no-wildcard"),
        ({"moon": []}, "__moon__", "wildcard-empty"),
        ({"a": ["x", "__a__"]}, "__a__", "wildcard-loop"),
        ({"a": ["{1$$__a__}"]}, "__a__", "wildcard-loop"),
        ({"a": ["__b__ " * 90], "b": ["__c__ " * 90], "c": ["d"]}, "__a__", "prompt-too-long"),
        ({"a": ["d" * 60_000]}, "__a__ __a__", "prompt-too-long"),
        ({}, "{" * (LONGEST + 1), "prompt-too-long"),
    ],
)
def test_bad_template_is_refused_with_its_cause(files: dict[str, list[str]], template: str, cause: str) -> None:
    assert cause_of(template, Wildcards(WildcardNames(files), files)) == cause


def test_deepest_template_is_drawn() -> None:
    assert expand("{a|" * 20_000 + "b" + "}" * 20_000, lambda count: 0) == "a"


def test_file_of_a_million_lines_is_drawn_from() -> None:
    lines = read_lines("# comment\n" + "a line\n" * 1_000_000 + "the last")
    files = {"many": lines}
    assert len(lines) == 1_000_001
    assert expand("__many__", lambda count: count - 1, Wildcards(WildcardNames(files), files)) == "the last"


def test_work_of_many_draws_from_a_large_file_is_bounded() -> None:
    names = WildcardNames(["large"])
    lines = [str(number) for number in range(200_000)]
    drawn: list[int] = []

    def choose(count: int) -> int:
        drawn.append(count)
        return 0

    with pytest.raises(BadInput, match="prompt-too-long"):
        expand("{4000$$__large__}", choose, Wildcards(names, {"large": lines}))
    assert len(drawn) < 100
    expand("{40$$__large__}", choose, Wildcards(names, {"large": lines}))


def test_length_of_separators_is_bounded() -> None:
    template = "{500$$" + " and " * 1_000 + "$$" + "a|" * 500 + "}"
    with pytest.raises(BadInput, match="prompt-too-long"):
        expand(template, random.Random(1).randrange)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\ufeffred\r\n\r\n # no\n  blue  \n#green", ("red", "blue")),
        ("", ()),
    ],
)
def test_comments_and_empty_lines_are_left_out(text: str, lines: tuple[str, ...]) -> None:
    assert read_lines(text) == lines


def test_references_are_found_before_the_run() -> None:
    assert references("__a__ {2$$__b/c__|__a__} // __d__\n\\__e__") == ("a", "b/c")
    assert references("__{a|b}__") == references("__a/{b|c}__") == (ANY_FILE,)
    assert references("__a__{b|c} __d__") == ("a", "d")
    assert references("plain") == ()


def test_first_unknown_wildcard_is_named() -> None:
    names = WildcardNames(["animals/cats", "hair color"])
    assert first_unknown("__cats__ __hair-color__ __hair color__ __{a|b}__", names) == ""
    assert first_unknown("__cats__ __moon__ __sun__", names) == "moon"
    assert first_unknown("__moon*__", names) == "moon*"


def test_pattern_with_too_many_stars_finds_nothing() -> None:
    names = WildcardNames(["a" * 150])
    assert names.find("*a" * 9) == ()
    assert names.find("*a" * 8) == ("a" * 150,)


@pytest.mark.parametrize(
    ("text", "is_drawn", "is_meant"),
    [
        ("a {b|c}", True, True),
        ("__cats__", True, True),
        ('{"size": 3}', True, False),
        ("{a}", True, False),
        ("a __ b __ c", False, False),
        ("// {a|b}", False, True),
        (r"\{a\}", False, False),
    ],
)
def test_syntax_is_seen(text: str, is_drawn: bool, is_meant: bool) -> None:
    assert (has_syntax(text), seems_meant(text)) == (is_drawn, is_meant)


def test_escapes_are_seen() -> None:
    assert has_escapes(r"\{") and has_escapes(r"\__cats__") and not has_escapes(r"\(a\)")
