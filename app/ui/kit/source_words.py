"""Messages about files without a workflow, and about editor workflows that cannot be run from here."""

from __future__ import annotations

from app.core.errors import BadInput, SourceFault
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words, sentences
from app.workflows.documents import FileNote
from app.workflows.editor.problems import CannotConvert, Problem, Reason

SHOWN = 5  # nodes; the rest are counted


def word_source_fault(fault: SourceFault, error: BadInput, _: Translator) -> Words:
    """Return why no workflow could be read from a file."""
    title, advice = _fault_title(fault, error, _), _fault_advice(fault, _)
    return Words(title, advice, error.detail, tone=Tone.WARN)


def _fault_title(fault: SourceFault, error: BadInput, _: Translator) -> str:
    name = error.name or _("pasted text")
    match fault:
        case SourceFault.EMPTY:
            return _("“{name}” is empty.", name=name)
        case SourceFault.UNKNOWN_FILE:
            return _("“{name}” is no file that can hold a workflow.", name=name)
        case SourceFault.NO_WORKFLOW:
            return _("There is no workflow in “{name}”.", name=name)
        case SourceFault.DAMAGED:
            return _("“{name}” is damaged.", name=name)
        case SourceFault.TOO_LARGE:
            return _("“{name}” is too large to be read here.", name=name)
        case SourceFault.TOO_DEEP:
            return _("“{name}” is nested too deeply.", name=name)
        case SourceFault.TOO_MANY_NODES:
            return _("The workflow in “{name}” has too many nodes.", name=name)
        case SourceFault.TOO_MANY_CHUNKS:
            return _("“{name}” has too many parts.", name=name)
        case SourceFault.TOO_MANY_PIXELS:
            return _("“{name}” has too many pixels.", name=name)
        case SourceFault.GONE:
            return _("“{name}” is not there any more.", name=name)


def _fault_advice(fault: SourceFault, _: Translator) -> str:
    match fault:
        case SourceFault.NO_WORKFLOW:
            return _(
                "Programs and websites often remove it from a picture. Ask for the original, or for its JSON file."
            )
        case SourceFault.DAMAGED:
            return _("Fetch the file again: it may have been cut off on its way.")
        case SourceFault.UNKNOWN_FILE | SourceFault.EMPTY:
            return _("Choose a workflow saved by ComfyUI (JSON), or a picture or film that ComfyUI has made.")
        case SourceFault.GONE:
            return _("It was moved or deleted. What you opened before is in your library.")
    return _("Choose a smaller one.")


def word_note(note: FileNote, _: Translator) -> str:
    """Return a note about a workflow that was read from a file."""
    match note:
        case FileNote.ONLY_PROMPT:
            return _("Only what was sent to the server is in this file, without the editor's arrangement.")
        case FileNote.GRAPH_UNREADABLE:
            return _("The editor's workflow in it is broken: what was sent to the server is used in its place.")
        case FileNote.PROMPT_UNREADABLE:
            return _("What was sent to the server is broken in it: the editor's workflow is used.")
        case FileNote.GRAPH_REFUSED:
            return _("The editor's workflow in it cannot be run from here: what was sent to the server is used.")
        case FileNote.FILE_DAMAGED:
            return _("The workflow is whole, but the file around it is damaged.")
        case FileNote.NON_FINITE:
            return _("Invalid numbers were left out, as the editor does.")
        case FileNote.NODES_REPLACED:
            return _("Nodes that this server no longer has were replaced by the newer ones that it names.")
        case FileNote.SURROGATES:
            return _("Some broken characters were replaced.")


def word_cannot_convert(error: CannotConvert, _: Translator) -> Words:
    """Return every node that cannot be converted, with its reason."""
    lines = [word_problem(item, _) for item in error.problems[:SHOWN]]
    rest = len(error.problems) - len(lines)
    if rest:
        lines.append(_.plural("And {count} more node.", "And {count} more nodes.", rest))
    return Words(
        _("This workflow cannot be run from here as it is."),
        _("Install the missing node, or replace it in ComfyUI, and save the workflow again."),
        sentences(*lines),
        tone=Tone.WARN,
    )


def word_problem(problem: Problem, _: Translator) -> str:
    """Return one node with its problem."""
    node = problem.title or problem.class_type or problem.node_id
    match problem.reason:
        case Reason.MALFORMED:
            return _("“{node}” is not what an editor saves.", node=node)
        case Reason.UNKNOWN_CLASS:
            return _("The server has no node “{name}”.", name=problem.class_type or node)
        case Reason.UNREADABLE_CLASS:
            return _("What the server says of “{node}” makes no sense.", node=node)
        case Reason.GROUP_NODE:
            return _("“{node}” is a group node of the old kind.", node=node)
        case Reason.BROKEN_LINK:
            return _("A link into “{node}” has no source.", node=node)
        case Reason.CYCLE:
            return _("The links through “{node}” form a loop.", node=node)
        case Reason.TOO_MANY:
            return _("There are too many nodes.")
        case Reason.NEEDS_EDITOR:
            return _("“{node}” takes its value from the editor's own page.", node=node)
