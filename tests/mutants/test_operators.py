"""The mutants of a source: each differs from it, each is valid Python, and code that only reports is not changed."""

from __future__ import annotations

import ast

from tests.mutants.bench import ROOT
from tests.mutants.judged import CHOICES, JUDGED
from tests.mutants.operators import mutants_of, places_of

SOURCE = '''
"""A docstring."""
def judge(task, at):
    if task.end and at >= 3:
        log.warning("at %s", at + 1)
        raise ValueError
    task.seen = True
    return replace(task, at=at, end=None)
'''


def test_each_rule_has_its_mutant() -> None:
    found = {mutant.what for mutant in mutants_of("file.py", SOURCE)}
    assert found == {
        "not: task.end and at >= 3",
        "or: task.end and at >= 3",
        "at >= 3",
        "3 is 4 in: if task.end and at >= 3",
        "left out: raise ValueError",
        "left out: task.seen = True",
        "True is False in: task.seen = True",
        "returns None: return replace(task, at=at, end=None)",
        "without at: replace(task, at=at, end=None)",
        "without end: replace(task, at=at, end=None)",
    }


def test_every_mutant_of_a_module_is_another_module() -> None:
    text = (ROOT / "app/core/balancer.py").read_text("utf-8")
    before = ast.unparse(ast.parse(text))
    mutants = list(mutants_of("app/core/balancer.py", text))
    assert len(mutants) > 15
    for mutant in mutants:
        assert mutant.source != before
        compile(mutant.source, mutant.file, "exec")


PLACES = """
LIMIT = 3
class Judge:
    patience = 4
    def judge(self, task, most=5):
        if (
            task.end
            and task.at
        ):
            return replace(
                task,
                at=6,
            )
"""


def test_mutant_has_its_function_and_statement_lines() -> None:
    places = {mutant.what.split(":")[0]: (mutant.where, list(mutant.lines)) for mutant in mutants_of("file.py", PLACES)}
    assert places["or"] == ("Judge.judge", [6, 7, 8, 9])
    assert places["6 is 7 in"] == places["without at"] == ("Judge.judge", [10, 11, 12, 13])


def test_module_code_belongs_to_no_function() -> None:
    places = {mutant.what.split(" ")[0]: (mutant.where, list(mutant.lines)) for mutant in mutants_of("file.py", PLACES)}
    assert places["3"] == places["4"] == places["5"] == ("", [])


def test_every_judged_mutant_is_there() -> None:
    files = {*CHOICES, *(file for file, _, _ in JUDGED)}
    made = {
        (file, mutant.where, mutant.what)
        for file in files
        for mutant in places_of(file, (ROOT / file).read_text("utf-8"))
    }
    assert set(JUDGED) <= made
    assert {(file, "", what) for file, changes in CHOICES.items() for what in changes} <= made
