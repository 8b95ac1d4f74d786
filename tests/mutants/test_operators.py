"""The mutants of a source: all of them differ from it, all of them are Python, and what only tells is left alone."""

from __future__ import annotations

import ast

from tests.mutants.bench import ROOT
from tests.mutants.operators import mutants_of

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
