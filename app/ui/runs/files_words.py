"""Texts of *Many files*."""

from __future__ import annotations

from app.core.errors import BadInput
from app.core.file_runs import FileFault
from app.core.model import TaskState
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.words import SEPARATOR, titled
from app.ui.runs.files import FilesView, LeftView, WorkView
from app.workflows.forms.kinds import Media
from app.workflows.plans.files import LeftOut

_ACCEPTED = {Media.PICTURE: "image/*", Media.MASK: "image/*", Media.VIDEO: "video/*", Media.AUDIO: "audio/*"}


def word_accept(view: FilesView) -> str:
    """Return the media types that the browser's dialog offers first."""
    return _ACCEPTED.get(view.media, "")


def word_files(view: FilesView, _: Translator) -> str:
    """Return how many files are taken, with their size."""
    match view.media:
        case Media.PICTURE | Media.MASK:
            count = _.plural("{count} picture", "{count} pictures", view.count)
        case Media.VIDEO:
            count = _.plural("{count} film", "{count} films", view.count)
        case Media.AUDIO:
            count = _.plural("{count} sound", "{count} sounds", view.count)
        case Media.FILE:
            count = _.plural("{count} file", "{count} files", view.count)
    return f"{count}{SEPARATOR}{_.formats.size(view.size)}"


def word_kinds(view: FilesView, _: Translator) -> str:
    """Return the folder, and how many files there are of each kind."""
    kinds = [f"{_.formats.number(count)} {kind}" for kind, count in view.kinds]
    if view.more_kinds:
        kinds.append(_("{count} others", count=_.formats.number(view.more_kinds)))
    return SEPARATOR.join(filter(None, (view.folder, *kinds)))


def word_left(left: LeftView, _: Translator) -> str:
    """Return how many files are left out for one reason."""
    match left.reason:
        case LeftOut.OTHER_KIND:
            return _.plural(
                "{count} left out: not of the kind that this field takes",
                "{count} left out: not of the kind that this field takes",
                left.count,
            )
        case LeftOut.UNREAD_KIND:
            return _.plural(
                "{count} left out: convert it to PNG, JPEG or WebP first",
                "{count} left out: convert them to PNG, JPEG or WebP first",
                left.count,
            )
        case LeftOut.EMPTY:
            return _.plural("{count} left out: empty", "{count} left out: empty", left.count)
        case LeftOut.TOO_LARGE:
            return _.plural(
                "{count} left out: too large to be kept here", "{count} left out: too large to be kept here", left.count
            )
        case LeftOut.HIDDEN:
            return _.plural("{count} left out: hidden", "{count} left out: hidden", left.count)
    return _.plural("{count} left out: chosen twice", "{count} left out: chosen twice", left.count)


def word_names(left: LeftView) -> str:
    """Return the first names of files that are left out."""
    return ", ".join(left.names) + " …" * (left.count > len(left.names))


def word_source(work: WorkView, _: Translator) -> str:
    """Return where the files came from."""
    return work.folder or _("Chosen files")


def word_counts(work: WorkView, _: Translator) -> str:
    """Return how far the runs are, without what the top of the queue says."""
    counts = [
        not work.is_counted_on_top
        and _("{done} of {count} done", done=_.formats.number(work.done), count=_.formats.number(work.count)),
        work.given > 0 and _("{count} waiting or running", count=_.formats.number(work.given)),
        work.to_come > 0 and _("{count} to come", count=_.formats.number(work.to_come)),
    ]
    return SEPARATOR.join(count for count in counts if count)


def word_fault(fault: FileFault, _: Translator) -> str:
    """Return why a run failed, in one line."""
    match fault.cause:
        case TaskState.FAILED.value:
            return fault.detail or _("The server reported an error.")
        case TaskState.LOST.value:
            return _("The server lost it.")
        case "refused-file":
            return _("The server refused the file ({status}).", status=fault.detail)
        case "not-a-picture":
            return _("No picture that can be read.")
        case "unreadable":
            return _("It was changed or moved since it was chosen.")
        case "empty":
            return _("The file is empty.")
        case "shared-gone":
            return _("Another window has used it, or it was removed.")
    return titled(word_error(BadInput(fault.cause, "", fault.detail), _))
