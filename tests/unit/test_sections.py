"""Sections of a page of results: each is replaced in its place, and the others stay as they are."""

from __future__ import annotations

from benchmarks.sections import table, with_section

PAGE = "# Results\n\nHead.\n\n## One\n\n1\n\n## Two\n\n2\n"


def test_new_section_comes_last() -> None:
    assert with_section(PAGE, "Three", "3") == PAGE + "\n## Three\n\n3\n"


def test_section_is_replaced_in_its_place() -> None:
    assert with_section(PAGE, "One", "one\n") == PAGE.replace("\n1\n", "\none\n")
    assert with_section(PAGE, "Two", "two") == PAGE.replace("\n2\n", "\ntwo\n")


def test_rewriting_the_same_section_changes_nothing() -> None:
    page = with_section(PAGE, "Three", "3")
    assert with_section(page, "Three", "3") == page


def test_title_is_not_found_in_a_longer_one() -> None:
    assert with_section("# R\n\n## One and two\n\n12\n", "One", "1") == "# R\n\n## One and two\n\n12\n\n## One\n\n1\n"


def test_cells_become_a_table() -> None:
    assert table(["", "ms"], [["a", "1"]]) == "|  | ms |\n| --- | --- |\n| a | 1 |"
