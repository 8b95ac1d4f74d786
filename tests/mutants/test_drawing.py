"""Random mutants are drawn by their seed alone, and judged by what the tests say."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.mutants.__main__ import Judges, drawn, mutants_of
from tests.mutants.copies import PYTEST

SOURCE = "def twice(number):\n    return number * 2\n"


@pytest.fixture(autouse=True)
def _source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "twice.py").write_text(SOURCE, "utf-8")
    monkeypatch.chdir(tmp_path)


def test_one_seed_draws_the_same_mutants_each_time() -> None:
    first, again, other = (list(drawn(["twice.py"], 5, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first[0][1]) == 5


@pytest.mark.parametrize(("number", "outcome"), [(3, "killed"), (2, "survived")])
def test_mutant_that_no_test_notices_survives(tmp_path: Path, number: int, outcome: str) -> None:
    test = f"from twice import twice\n\ndef test_twice():\n    assert twice({number}) == {number * 2}\n"
    (tmp_path / "test_twice.py").write_text(test, "utf-8")
    (added,) = [mutant for mutant in mutants_of("twice.py") if mutant.operator_name.endswith("_Mul_Add")]
    found, change = Judges((shlex.join([*PYTEST, "-p", "no:asyncio", "."]),), 60.0).outcome(added)
    assert found == outcome
    assert "+    return number + 2" in change
    assert (tmp_path / "twice.py").read_text("utf-8") == SOURCE, "the source is as it was"
