"""Every named mutant is caught by the test that its promise names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.copies import FAILED, Copy
from tests.mutants.named import NAMED, Named


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    copy = Copy.of_repository(tmp_path_factory.mktemp("mutants"))
    assert copy.test(*sorted({named.caught_by for named in NAMED})) == 0, "unchanged, all of these tests pass"
    return copy


@pytest.mark.parametrize("named", NAMED, ids=lambda named: named.name)
def test_a_broken_promise_is_noticed(copy: Copy, named: Named) -> None:
    named.apply(copy.root)
    try:
        assert copy.test(named.caught_by) == FAILED
    finally:
        copy.restore(named.file)


def test_mutant_with_outdated_source_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("x = 1\n", "utf-8")
    with pytest.raises(ValueError, match="2"):
        Named("gone", "file.py", (("x = 2", "x = 3"),), "").apply(tmp_path)
