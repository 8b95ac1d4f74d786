"""Every error of `core/errors.py` in plain words, with what the person can do next."""

from __future__ import annotations

from app.core.errors import (
    AffinityError,
    BadInput,
    ComfyError,
    ConfigError,
    ConnectError,
    HttpStatusError,
    InvalidTransition,
    MooringError,
    NoServerAvailable,
    NotOwner,
    PromptRejected,
    ProtocolError,
    RequestTimeout,
    ServerLockedError,
    ServerMoved,
    SocketClosed,
    StillRestoring,
    StorageError,
    TaskNotFound,
    TransportError,
    UnboundTask,
    UnreadableRecord,
)
from app.core.model import NodeError
from app.ui.fleet_words import word_cause
from app.ui.i18n import Translator
from app.ui.words import Tone, Words


def word_error(error: MooringError, _: Translator) -> Words:
    """The words for one error; each class has its own."""
    match error:
        case BadInput():
            return _bad_input(error, _)
        case TransportError():
            return _transport(error, _)
        case ComfyError():
            return _comfy(error, _)
        case AffinityError():
            return _affinity(error, _)
        case StorageError():
            return _storage(error, _)
        case ConfigError():
            return Words(
                _("This installation is not set up right."),
                _("Start it again with “python3 serve.py”: it repairs what is missing and says what it cannot repair."),
                error.cause,
            )
    return Words(
        _("Something went wrong here."),
        _("Nothing was lost. Reload the page; if it comes back, look into the browser's console."),
        str(error),
    )


def _bad_input(error: BadInput, _: Translator) -> Words:
    match error.cause:
        case "not-a-picture":
            return Words(
                _("“{name}” is no picture that can be read.", name=error.name),
                _("Choose a PNG, JPEG or WebP file. Photos in HEIC or RAW have to be converted first."),
            )
        case "too-large":
            return Words(
                _("“{name}” is too large for the server.", name=error.name),
                _("Choose a smaller file, or raise the server's upload limit (--max-upload-size)."),
                error.detail,
            )
        case "unreadable":
            return Words(
                _("“{name}” cannot be read any more.", name=error.name),
                _("It was changed or moved since it was chosen. Choose it again."),
                error.detail,
            )
        case "empty":
            return Words(_("“{name}” is empty.", name=error.name), _("Choose another file."))
        case "not-a-number":
            return Words(_("This has to be a number."), tone=Tone.WARN)
        case "out-of-range":
            return Words(_("This has to lie within {range}.", range=error.detail), tone=Tone.WARN)
        case "not-an-option":
            return Words(_("This is none of the choices."), tone=Tone.WARN)
        case "not-a-file" | "bad-inputs":
            return Words(
                _("The script gave something else than was needed."), _("See the console contract."), error.detail
            )
        case "no-picture-field":
            return Words(_("This workflow takes no picture."), _("Choose a workflow for photos first."), tone=Tone.WARN)
        case "bad-workflow":
            return Words(
                _("This workflow cannot be read."),
                _("Export it from ComfyUI in API format and try again."),
                " ".join(filter(None, (error.name, error.detail))),
            )
    return Words(
        _("What was given cannot be used."), _("Choose something else."), error.detail or error.cause or error.name
    )


def _transport(error: TransportError, _: Translator) -> Words:
    server, cause = _server(error.server_id, _), word_cause(error.cause, _)
    match error:
        case ConnectError():
            return Words(
                _("{server} cannot be reached.", server=server),
                _("The request was certainly not sent. Check that the server runs, then try again."),
                cause=cause,
            )
        case RequestTimeout():
            return Words(
                _("{server} gave no clear answer.", server=server),
                _("It may have acted all the same: the task's own state is looked up, nothing is sent twice."),
                cause=cause,
            )
        case SocketClosed():
            return Words(
                _("The live connection to {server} is interrupted.", server=server),
                _("Work goes on and is looked up. The connection comes back by itself."),
                tone=Tone.WARN,
                cause=cause,
            )
    return Words(_("The request to {server} did not come through.", server=server), _("Try again."), cause=cause)


def _comfy(error: ComfyError, _: Translator) -> Words:
    server = _server(error.server_id, _)
    match error:
        case HttpStatusError(status=413):
            return Words(
                _("The file is too large for {server}.", server=server),
                _("Choose a smaller file, or raise the server's upload limit (--max-upload-size)."),
                error.detail,
            )
        case HttpStatusError():
            return Words(
                _("{server} answered with an error ({status}).", server=server, status=str(error.status)),
                _("Its log may tell more. Try again, or use another server once this window is free."),
                error.detail,
            )
        case PromptRejected():
            return Words(
                _("{server} refused the workflow.", server=server),
                _("Nothing runs. Correct what is named below and press Run again."),
                " ".join(filter(None, (error.message, error.details))),
            )
        case ProtocolError():
            return Words(
                _("What answers for {server} is not ComfyUI.", server=server),
                _("Check its address in the fleet: a log-in page or another program may stand there."),
                error.detail,
            )
    return Words(_("{server} answered with something unexpected.", server=server), _("Try again."))


def _affinity(error: AffinityError, _: Translator) -> Words:
    match error:
        case StillRestoring():
            return Words(
                _("This window is still reading its own records."),
                _("Wait a moment; Run is possible as soon as it is done."),
                tone=Tone.WARN,
            )
        case ServerLockedError():
            return Words(
                _(
                    "This window is moored to {locked}; nothing goes to {asked}.",
                    locked=_server(error.locked, _),
                    asked=_server(error.asked, _),
                ),
                _("Wait until its work has ended, or open another window for the other server."),
                tone=Tone.WARN,
            )
        case TaskNotFound():
            return Words(
                _("This window has no such task."),
                _("It may have been removed, or it belongs to another window."),
                str(error.prompt_id or ""),
            )
        case UnboundTask():
            return Words(
                _("The task's record names no server."),
                _("Nothing is sent for it anywhere. It can be removed from the list."),
                str(error.prompt_id or ""),
            )
        case NotOwner():
            return Words(
                _("Another window owns this task now."),
                _("Look at it there. This window has let go of it."),
                tone=Tone.WARN,
            )
        case ServerMoved():
            return Words(
                _("{server} has another address now than when the work was sent.", server=_server(error.server_id, _)),
                _("Nothing is sent there. Restore the old address in the fleet, or give the task up."),
                " → ".join(filter(None, (error.recorded, error.present))),
            )
        case NoServerAvailable():
            causes = ", ".join(f"{server_id}: {word_cause(cause, _)}" for server_id, cause in error.causes.items())
            return Words(
                _("No server can take the work now."),
                _("Nothing was sent. Start a server, or wait until one answers, and press Run again."),
                causes,
            )
        case UnreadableRecord(is_newer=True):
            return Words(
                _("A newer version of Mooring has written a stored task that this page cannot read."),
                _("Nothing was sent, for that task may still run. Reload this page to read it."),
                _record(error),
                Tone.WARN,
            )
        case UnreadableRecord():
            return Words(
                _("A stored task that may belong to this window cannot be read."),
                _("Nothing was sent, for that task may still run on a server. Give it up to go on."),
                _record(error),
                Tone.WARN,
            )
        case InvalidTransition():
            return Words(
                _("That step is not possible from here."),
                _("Nothing was changed. Reload the page if this stays."),
                error.detail,
            )
    return Words(_("That would break a promise, so nothing was done."), _("Reload the page if this stays."))


def _storage(error: StorageError, _: Translator) -> Words:
    quote = error.detail
    match error.cause:
        case "broken-record":
            return Words(
                _("A record in the browser's storage cannot be read."),
                _("Nothing is sent on its account. Reload this page; if this stays, work in another window."),
                quote,
            )
        case "newer-record":
            return Words(
                _("A record in the browser's storage is of a newer version of Mooring."),
                _("Reload this page to read it."),
                quote,
            )
        case "quota":
            return Words(
                _("The browser's storage is full."),
                _("Remove finished tasks here, or free space for this site in the browser's settings."),
                quote,
            )
        case "blocked":
            return Words(
                _("Another window holds the browser's storage."),
                _("Without its record no work is sent. Close windows of Mooring that do not answer, then reload."),
                quote,
            )
        case "disabled":
            return Words(
                _("The browser does not let this page store anything."),
                _(
                    "Without its record no work is sent. Allow site data for this address"
                    " (private windows may forbid it), then reload."
                ),
                quote,
            )
        case "upgrade":
            return Words(
                _("A newer version of Mooring has changed the browser's storage."),
                _("Reload this page. If this comes back, update Mooring where its gateway runs."),
                quote,
            )
        case "closed":
            return Words(_("The browser has closed the storage of this page."), _("Reload this page to go on."), quote)
    return Words(
        _("The browser's storage cannot be read or written."),
        _("Without its record no work is sent. Reload the page; if this stays, restart the browser."),
        quote,
    )


def word_node_error(error: NodeError, _: Translator) -> Words:
    """One fault that a server found in a prompt, in words where the fault is known."""
    name = error.input_name or error.details
    known = {
        "required_input_missing": lambda: _("“{name}” is missing.", name=name),
        "value_smaller_than_min": lambda: _("“{name}” is too small.", name=name),
        "value_bigger_than_max": lambda: _("“{name}” is too large.", name=name),
        "invalid_input_type": lambda: _("“{name}” has the wrong kind of value.", name=name),
        "value_not_in_list": lambda: _("“{name}” has a value that this server does not have.", name=name),
        "bad_linked_input": lambda: _("“{name}” is linked wrongly.", name=name),
        "return_type_mismatch": lambda: _("“{name}” is linked to an output of another kind.", name=name),
        "custom_validation_failed": lambda: _("“{name}” was not accepted.", name=name),
        "exception_during_validation": lambda: _("The server failed while it checked this node."),
    }
    word = known.get(error.type)
    title = word() if word else _("This node has an error.")
    return Words(title, "", " ".join(filter(None, (error.message, error.details))))


def _record(error: UnreadableRecord) -> str:
    named = f"{error.prompt_id} → {error.server_id}" if error.server_id else str(error.prompt_id or "")
    return " · ".join(filter(None, (named, error.detail)))


def _server(server_id: object, _: Translator) -> str:
    return str(server_id) if server_id else _("the server")
