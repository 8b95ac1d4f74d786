"""Reports of benchmarks: cells, medians and percentiles."""

from __future__ import annotations

from benchmarks.kit.report import median_and_range, percentiles, share, table


def test_cells_become_a_table() -> None:
    assert table(["", "ms"], [["a", "1"]]) == "|  | ms |\n| --- | --- |\n| a | 1 |"


def test_median_stands_beside_its_range() -> None:
    assert median_and_range([3.0, 1.0, 2.4]) == ["2", "1 to 3"]
    assert median_and_range([1500, 2500], ",.0f") == ["2,000", "1,500 to 2,500"]


def test_share_is_one_of_medians() -> None:
    assert share([1, 2, 9], [4, 4, 4]) == "0.50"


def test_percentiles_of_few_waits_are_among_them() -> None:
    assert percentiles(range(1, 101)) == {"p50": 51, "p95": 96, "p99": 100, "max": 100}
    assert percentiles([5.0]) == dict.fromkeys(("p50", "p95", "p99", "max"), 5.0)
    assert percentiles([])["max"] == 0.0
