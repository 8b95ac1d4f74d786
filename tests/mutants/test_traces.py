"""Which tests a mutant is given, and what becomes of the outcomes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.mutants.bench import Bench
from tests.mutants.forks import BROKE_OFF
from tests.mutants.judged import CHOICES, JUDGED, reason_for
from tests.mutants.operators import Mutant, Place
from tests.mutants.tally import JUDGED as IS_JUDGED
from tests.mutants.tally import Tally, outcome_of
from tests.mutants.traces import Traces
from tests.mutants.trial import BY_A_LIFE, BY_A_TEST, SURVIVED

TRACES = Traces(
    {"app/one.py": {4: ["slow"], 5: ["slow", "quick"], 9: ["other"]}, "app/two.py": {1: ["beside"]}},
    {"slow": 2.0, "quick": 0.1, "other": 0.3, "beside": 0.2},
)


def mutant(*lines: int, file: str = "app/one.py", what: str = "x") -> Mutant:
    return Mutant(file, 1, what, "f" if lines else "", range(lines[0], lines[-1] + 1) if lines else range(0))


def test_quickest_test_of_the_statement_comes_first() -> None:
    assert TRACES.judges_of(mutant(4, 5)) == ["quick", "slow"]


@pytest.mark.parametrize("lines", [(), (7,)], ids=["import", "nothing"])
def test_unrun_line_gets_all_tests_of_its_surroundings(lines: tuple[int, ...]) -> None:
    assert TRACES.judges_of(mutant(*lines)) == ["quick", "beside", "other", "slow"]


def test_tests_that_take_longer_can_be_left_out() -> None:
    assert TRACES.without_longer(1.0).judges_of(mutant(4, 5)) == ["quick"]


def test_traces_of_more_tests_serve_for_fewer() -> None:
    traces = Traces({"app/one.py": {4: ["tests/a/test_x.py::t", "tests/a/test_y.py::t"]}}, {})
    traces.seconds.update({"tests/a/test_x.py::t": 1.0, "tests/a/test_y.py::t": 2.0})
    assert traces.of(["tests/a/test_x.py"]).judges_of(mutant(4)) == ["tests/a/test_x.py::t"]
    assert len(traces.of(["tests/a"]).judges_of(mutant(4))) == 2


def test_only_judges_can_be_chosen(tmp_path: Path) -> None:
    for name in ("tests/a/test_x.py", "tests/a/test_y.py", "tests/b/test_z.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    bench = Bench(tmp_path, ("tests/a",))
    assert bench.with_judges(["tests/a/test_?.py", "tests/a/test_x.py"]).judges == (
        "tests/a/test_x.py",
        "tests/a/test_y.py",
    )
    for patterns in (["tests/b/test_z.py"], ["tests/a/none.py"]):
        with pytest.raises(SystemExit):
            bench.with_judges(patterns)


def test_each_code_has_its_column() -> None:
    codes = (SURVIVED, BY_A_TEST, BY_A_LIFE + 7, -27, IS_JUDGED)
    assert [outcome_of(code) for code in codes] == ["survived", "by tests", "by lives", "hung", "judged"]
    with pytest.raises(RuntimeError):
        outcome_of(BROKE_OFF)


def test_one_survivor_without_a_reason_is_no_good_result() -> None:
    tally = Tally(Counter({"app/one.py": 2}))
    assert tally.add(mutant(4), BY_A_TEST) == []
    assert tally.is_good
    lines = tally.add(mutant(5), SURVIVED)
    assert not tally.is_good
    assert lines[0].startswith("survived") and lines[1].split() == ["app/one.py", "2", "1", "0", "0", "0", "1"]


def test_each_judgement_has_its_reason_and_belongs_to_one_function() -> None:
    for (file, where, what), reason in JUDGED.items():
        assert reason and reason_for(Place(file, 1, what, where)) == reason
        assert not reason_for(Place(file, 1, what, f"{where}.other"))
    for file, changes in CHOICES.items():
        assert all(reason_for(Place(file, 1, what)) for what in changes)
