"""Each reason why a workflow cannot be read or converted has its own text, in both languages."""

from __future__ import annotations

import pytest

from app.core.errors import BadInput, SourceFault
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.source_words import word_note, word_problem
from app.workflows.documents import FileNote
from app.workflows.editor.problems import Problem, Reason, refuse
from tests.unit.ui.kit.test_messages import LANGUAGES

in_both = pytest.mark.parametrize("_", LANGUAGES, ids=["en", "zh-CN"])


@in_both
def test_every_fault_note_and_reason_has_a_text(_: Translator) -> None:
    faults = [word_error(BadInput(fault.value, "a.png"), _) for fault in SourceFault]
    notes = [word_note(note, _) for note in FileNote]
    problems = [word_problem(Problem(reason, "1", "Class", "Title"), _) for reason in Reason]
    for words in ([item.title for item in faults], notes, problems):
        assert all(words)
        assert len(set(words)) == len(words)
    assert all(item.advice for item in faults)


@in_both
def test_unconvertible_workflow_names_some_nodes_and_counts_others(_: Translator) -> None:
    problems = [Problem(Reason.UNKNOWN_CLASS, str(number), f"Class{number}") for number in range(7)]
    words = word_error(refuse(*problems), _)
    assert "Class4" in words.quote
    assert "Class5" not in words.quote
    assert "2" in words.quote.replace("Class2", "")
