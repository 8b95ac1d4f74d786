"""Regular expressions as JavaScript has them. All results were observed there; so were 18,000 made-up patterns."""

from __future__ import annotations

import pytest

from app.workflows.editor.regexes import InvalidRegex, Regex, StepBudget, UnsupportedRegex


def is_in(pattern: str, text: str) -> bool:
    return StepBudget(100_000).of(Regex.parse(pattern), text)


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        ("", ["", "a"], []),
        ("^(?:first|third) pass$", ["first pass", "third pass"], ["first passes", "a first pass", "first pass\n"]),
        ("^(?!.*neg)", ["positive", ""], ["a negative"]),
        ("a(?=b)b|c", ["ab", "c"], ["a", "ba"]),
        (r"(_|\b)pos(itive|_|\b)", ["positive", "x_pos_", "pos"], ["positron", "xpos"]),
        ("a{2}b{1,}c{0,1}$", ["aab", "xaabbbc"], ["ab", "aabcc"]),
        ("a{,2}|x{", ["a{,2}", "x{"], ["a", "x"]),
        ("^a+?b*?$", ["a", "aab"], ["b", ""]),
        (r"^[\w-]+$", ["a-b", "A_9"], ["a b", "é"]),
        (r"[^\d\s]", ["a", "é"], ["1 \u00a0\u3000\ufeff"]),
        (r"^\D\S\W$", ["aé!"], ["1a!", "a !"]),
        ("[]", [], ["", "a"]),
        ("^[^]$", ["a", "\n"], ["", "😀"]),
        ("^..$", ["ab", "😀"], ["a\n", "\u2028a"]),
        (r"^[\d-z]$", ["1", "-", "z"], ["a"]),
        (r"[\b]", ["\b"], ["b"]),
        (r"^\x41\u0062\/\e\0$", ["Ab/e\0"], ["Ab/e"]),
        (r"^(?<name>a)$", ["a"], ["b"]),
        (r"\Bb", ["ab"], ["b", "a b"]),
        ("正面|(|a)+z", ["正面", "aaz"], ["负面"]),
        ("(?=a)*b", ["b"], ["a"]),
        ("}]", ["}]"], ["]"]),
    ],
)
def test_matches_are_those_of_javascript(pattern: str, found: list[str], not_found: list[str]) -> None:
    assert [text for text in (*found, *not_found) if is_in(pattern, text)] == found


@pytest.mark.parametrize("pattern", ["(", ")", "[", "a**", "x+??", "*a", "{1}", "a{2,1}", "[z-a]", "^*", r"\b+", "a\\"])
def test_pattern_that_javascript_refuses_is_invalid(pattern: str) -> None:
    with pytest.raises(InvalidRegex):
        Regex.parse(pattern)


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?<=a)b", "(?<!a)b", "(?i:a)", r"\ca", r"\k", r"\07", "a" * 1001, "(" * 60 + ")" * 60]
)
def test_what_is_not_supported_says_so(pattern: str) -> None:
    with pytest.raises(UnsupportedRegex):
        Regex.parse(pattern)


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*$b", "(a|aa)+b", "a*a*a*a*a*a*b"])
def test_exponential_pattern_takes_few_steps(pattern: str) -> None:
    assert not is_in(pattern, "a" * 30)


@pytest.mark.parametrize("pattern", ["(){1000000000}", "((((a{1000}){1000}){1000}){1000})"])
def test_steps_are_bounded(pattern: str) -> None:
    with pytest.raises(UnsupportedRegex, match="too many steps"):
        is_in(pattern, "a" * 5000)
