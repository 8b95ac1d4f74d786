"""A pure function is called again only for other objects."""

from __future__ import annotations

from app.ui.kit.memoize import memoize_one


def test_last_result_is_returned_for_the_same_objects() -> None:
    calls: list[tuple[list[str], int]] = []

    @memoize_one
    def joined(words: list[str], times: int) -> list[str]:
        calls.append((words, times))
        return words * times

    one, equal = ["a"], ["a"]
    first = joined(one, 2)
    assert joined(one, 2) is first
    assert joined(equal, 2) is not first
    assert joined(one, 1) == ["a"]
    assert joined(one, 2) is not first  # only the last one is kept
    assert calls == [(one, 2), (equal, 2), (one, 1), (one, 2)]
