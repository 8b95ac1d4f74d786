"""Messages about unusable input from the user or a script."""

from __future__ import annotations

from app.core.errors import BadInput, BadPlan, SourceFault
from app.ui.kit.i18n import Translator
from app.ui.kit.link_words import word_link
from app.ui.kit.plan_words import word_bad_plan
from app.ui.kit.prompt_words import PROMPT_CAUSES, word_prompt_error
from app.ui.kit.source_words import word_cannot_convert, word_source_fault
from app.ui.kit.words import Tone, Words
from app.workflows.editor.problems import CannotConvert

# An empty file has the message of any empty file.
_SOURCE_FAULTS = {fault.value: fault for fault in SourceFault if fault is not SourceFault.EMPTY}


def word_bad_input(error: BadInput, _: Translator) -> Words:
    if isinstance(error, BadPlan):
        return word_bad_plan(error, _)
    if isinstance(error, CannotConvert):
        return word_cannot_convert(error, _)
    if error.cause in _SOURCE_FAULTS:
        return word_source_fault(_SOURCE_FAULTS[error.cause], error, _)
    match error.cause:
        case "not-a-picture" | "not-a-film" | "not-a-sound" | "unreadable" | "empty" | "picture-gone" | "file-gone":
            return _file(error, _)
        case "too-large" | "too-large-to-paint":
            return _large(error, _)
        case "press-not-kept" | "press-in-doubt" | "input-not-kept" | "words-not-kept":
            return _not_kept(error, _)
        case "not-a-number" | "out-of-range" | "not-an-option" | "list-elsewhere":
            return Words(_value(error, _), tone=Tone.WARN)
        case "not-a-file" | "bad-inputs":
            return Words(_("The script returned something unexpected."), _("See the console contract."), error.detail)
        case "no-picture-field" | "no-file-field" | "no-field-left":
            return _no_field(error, _)
        case "other-window" | "not-kept-here" | "not-bare" | "nothing-to-compare":
            return _album(error, _)
        case "folder":
            return Words(
                _("“{name}” was not saved to the folder.", name=error.name)
                if error.name
                else _("The folder cannot be used."),
                _("Nothing is lost: results stay here. Choose the folder again in the menu of the results."),
                error.detail,
            )
        case "bad-workflow":
            return Words(
                _("This workflow cannot be read."),
                _("Export it from ComfyUI in API format and try again."),
                " ".join(filter(None, (error.name, error.detail))),
            )
    return _server_side(error, _)


def _server_side(error: BadInput, _: Translator) -> Words:
    """Prompts, many files, files on a server, links, and every cause that is not known here."""
    if error.cause in PROMPT_CAUSES:
        return word_prompt_error(error, _)
    match error.cause:
        case "other-folder" | "refused-file" | "too-many-files":
            return _many_files(error, _)
        case "bad-link" | "link-too-long" | "link-too-large" | "link-unknown" | "link-not-yours" | "link-no-output":
            return word_link(error, _)
        case "without-versions":
            return Words(
                _("The export has no earlier versions of workflows."),
                _("With them it would be too large to be opened again. Everything else is in it."),
                error.name,
                Tone.WARN,
            )
        case "shared-gone":
            return Words(
                _("“{name}” is no longer among the shared files.", name=error.name),
                _("Another window has used it, or it was removed."),
                tone=Tone.WARN,
            )
        case "shared-full":
            return Words(
                _("The shared files were not taken: they are too many, or too large."),
                _("100 files of 256 MB in all can wait to be taken. Take or discard some, then share again."),
                tone=Tone.WARN,
            )
        case "tray-full":
            return Words(
                _("There is no room for these files."),
                _("100 shared files of 256 MB in all can wait here. Use or remove some, then take these."),
                tone=Tone.WARN,
            )
        case "shared-failed":
            return Words(
                _("The shared files were not taken."),
                _("The browser could not store them. Share them again, or choose them in the form."),
                tone=Tone.WARN,
            )
        case "cannot-break":
            return Words(
                _("This cannot be done to {server} now.", server=error.name),
                _("Wait a moment until earlier requests are done, then try again."),
                error.detail,
            )
        case "bad-catalogue":
            return Words(
                _("A server's list of nodes cannot be read."),
                _("Its workflows run all the same. Have it read again in the form; its own log may tell more."),
                error.detail,
                Tone.WARN,
            )
    return Words(
        _("What was given cannot be used."), _("Choose something else."), error.detail or error.cause or error.name
    )


def _file(error: BadInput, _: Translator) -> Words:
    match error.cause:
        case "not-a-picture":
            return Words(
                _("“{name}” is no picture that can be read.", name=error.name),
                _("Choose a PNG, JPEG or WebP file. Photos in HEIC or RAW have to be converted first."),
            )
        case "not-a-film":
            return Words(_("“{name}” is no film.", name=error.name), _("Choose an MP4, WebM or MOV file."))
        case "not-a-sound":
            return Words(_("“{name}” is no sound.", name=error.name), _("Choose a WAV, MP3, FLAC or OGG file."))
        case "picture-gone":
            title = _("No server has the picture “{name}”.", name=error.name)
            return Words(title, _("Put the picture in again."), tone=Tone.WARN)
        case "file-gone":
            title = _("No server has the file “{name}”.", name=error.name)
            return Words(title, _("Put the file in again."), tone=Tone.WARN)
        case "unreadable":
            return Words(
                _("“{name}” cannot be read any more.", name=error.name),
                _("It was changed or moved since it was chosen. Choose it again."),
                error.detail,
            )
    return Words(_("“{name}” is empty.", name=error.name), _("Choose another file."))


def _many_files(error: BadInput, _: Translator) -> Words:
    """Runs with a file each."""
    if error.cause == "other-folder":
        return Words(
            _("None of the missing files is there."),
            _("Choose the same files or folder as before. Files are found by name, size and time of change."),
            error.name,
            Tone.WARN,
        )
    if error.cause == "too-many-files":
        return Words(
            _("Only {count} of these files were taken.", count=error.detail),
            _("Add the others in smaller groups. A folder of pictures needs a workflow with a field for pictures."),
            tone=Tone.WARN,
        )
    return Words(
        _("“{name}” was refused by the server.", name=error.name), _("Choose another file."), error.detail, Tone.WARN
    )


def _no_field(error: BadInput, _: Translator) -> Words:
    match error.cause:
        case "no-picture-field":
            title = _("“{name}” was not used: this workflow takes no picture.", name=error.name)
            return Words(title, _("Choose a workflow for photos first."), tone=Tone.WARN)
        case "no-field-left":
            title = _("“{name}” was not used: each field for such a file got another one.", name=error.name)
            return Words(title, _("Drop it on the field that it is for."), tone=Tone.WARN)
    title = _("“{name}” was not used: this workflow takes no such file.", name=error.name)
    return Words(title, _("Nothing was changed. Choose another file, or another workflow."), tone=Tone.WARN)


def _not_kept(error: BadInput, _: Translator) -> Words:
    """What is missing to run a task a second time, or a press after a reload."""
    if error.cause == "press-not-kept":
        return Words(
            _("This run was not sent: the page was reloaded first."),
            _("A private window keeps nothing of a run until it is sent. Run it again."),
            tone=Tone.WARN,
        )
    if error.cause == "press-in-doubt":
        return Words(
            _("This run was not sent: the page was reloaded first."),
            _("The tab was duplicated in the same moment. Check that the other tab has not sent it, then try again."),
            tone=Tone.WARN,
        )
    if error.cause == "words-not-kept":
        return Words(
            _("What this work was made with is not known any more."),
            _("It was private, and its page was reloaded. Fill in the form again."),
        )
    return Words(
        _("“{name}” is no longer kept in this browser.", name=error.name),
        _("Nothing was sent. Put the picture into the form again and press Run."),
    )


def _album(error: BadInput, _: Translator) -> Words:
    if error.cause == "nothing-to-compare":
        return Words(
            _("There is no other picture to compare this one with."),
            _("Run it another time, or show the results of all windows."),
            tone=Tone.WARN,
        )
    if error.cause == "other-window":
        return Words(
            _("Another window holds “{name}”.", name=_.known(error.name) or _("Untitled")),
            _("Delete it there, or close that window first."),
            tone=Tone.WARN,
        )
    if error.cause == "not-bare":
        return Words(
            _.plural(
                "Nothing can be taken out of {count} file, so it was not saved.",
                "Nothing can be taken out of {count} files, so they were not saved.",
                int(error.detail),
            ),
            _("Download it as it is: everything that was written into it stays in it."),
            error.name,
        )
    return Words(
        _.plural("{count} file is not kept here.", "{count} files are not kept here.", int(error.detail)),
        _("Open it large to fetch it from its server once more."),
        error.name,
    )


def _large(error: BadInput, _: Translator) -> Words:
    if error.cause == "too-large-to-paint":
        return Words(
            _("“{name}” is too large to be painted on here.", name=error.name),
            _("It can be sent as it is. To mask it, choose a smaller one."),
            error.detail,
        )
    return Words(
        _("“{name}” is too large for the server.", name=error.name),
        _("Choose a smaller file, or raise the server's upload limit (--max-upload-size)."),
        error.detail,
    )


def _value(error: BadInput, _: Translator) -> str:
    match error.cause:
        case "not-a-number":
            return _("This has to be a number.")
        case "out-of-range":
            return _("This has to lie within {range}.", range=error.detail.replace(" – ", "\u00a0–\u2060\u00a0"))
        case "list-elsewhere":
            return _("the server lists them at a place that is not read from here.")
    return _("This is none of the choices.")
