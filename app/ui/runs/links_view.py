"""How a run is linked to others of the same work: the one that it repeats, and those that repeat it."""

from __future__ import annotations

import htpy as h

from app.ui.kit.i18n import Translator
from app.ui.kit.parts import icon
from app.ui.runs.card_words import word_editor, word_origin, word_repeat
from app.ui.runs.state import CardView, LinkView


def origin(view: CardView, _: Translator) -> h.Node:
    """The run that this one repeats; nothing if it is the first."""
    if view.task.again_of is None:
        return None
    if view.again_of is None:
        return h.p(".link-line.quiet")[icon("again"), h.span[_("Again: a run that is no longer listed")]]
    return _line(view.again_of, word_origin(view.again_of, _), "again-of")


def repeats(view: CardView, _: Translator) -> h.Node:
    """The runs that repeat this one."""
    return h.fragment[(_line(link, word_repeat(link, _), "again-as") for link in view.repeats)]


def editor_note(view: CardView, _: Translator) -> h.Node:
    """That the results do not open in the editor as their author has drawn them; nothing if they do."""
    words = word_editor(view.task, _)
    return words and h.p(".link-line.quiet", data_testid="editor-note")[icon("graph"), h.span[words]]


def _line(link: LinkView, words: str, testid: str) -> h.Element:
    told = h.a(href=f"#task-{link.prompt_id}")[words] if link.is_shown else h.span[words]
    return h.p(".link-line.quiet", data_testid=testid, data_prompt_id=link.prompt_id)[icon("again"), told]
