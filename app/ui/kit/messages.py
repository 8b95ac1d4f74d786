"""The message of every error of `core/errors.py`, with what the user can do next."""

from __future__ import annotations

from app.core.errors import (
    AffinityError,
    BadInput,
    ComfyError,
    ConfigError,
    ConnectError,
    GatewayRefused,
    HttpStatusError,
    LayoutError,
    ListError,
    MooringError,
    PromptRejected,
    ProtocolError,
    RequestTimeout,
    ServerBusy,
    SocketClosed,
    StorageError,
    TransportError,
)
from app.core.model import NodeError
from app.ui.kit.binding_words import word_affinity
from app.ui.kit.cause_words import GATEWAY_LOST, word_cause, word_peer, word_refused, word_rule
from app.ui.kit.i18n import Translator
from app.ui.kit.input_words import word_bad_input
from app.ui.kit.storage_words import word_storage
from app.ui.kit.words import Tone, Words


def word_error(error: MooringError, _: Translator) -> Words:
    match error:
        case BadInput():
            return word_bad_input(error, _)
        case TransportError():
            return _transport(error, _)
        case ComfyError():
            return _comfy(error, _)
        case AffinityError():
            return word_affinity(error, _)
        case StorageError():
            return word_storage(error, _)
        case LayoutError():
            return _layout(error, _)
        case GatewayRefused():
            return word_refused(error, _)
        case ListError():
            return Words(
                _("The list of servers beside this page cannot be read."),
                _("Check that its web server runs and has the file {file}. It is read again soon.", file=error.file),
                error.cause,
                Tone.WARN,
            )
        case ConfigError():
            return Words(
                _("This installation is not set up right."),
                _("Start Mooring again: it repairs what is missing and says what it cannot repair."),
                error.cause,
            )
    return Words(
        _("Something went wrong here."),
        _("Nothing was lost. Reload the page; if it comes back, look into the browser's console."),
        str(error),
    )


def _layout(error: LayoutError, _: Translator) -> Words:
    if error.cause == "timeout":
        return Words(
            _("This graph is too large to be arranged here in time."),
            _("Nothing else is affected: the work goes on, and its nodes are listed here."),
        )
    return Words(
        _("The graph could not be arranged."),
        _("Nothing else is affected: the work goes on, and its nodes are listed here."),
        error.detail or error.cause,
    )


def _transport(error: TransportError, _: Translator) -> Words:
    is_gateway = error.cause == GATEWAY_LOST
    server, cause = word_peer(None if is_gateway else error.server_id, _), word_cause(error.cause, _)
    match error:
        case RequestTimeout() if is_gateway:
            return Words(
                _("Mooring's gateway does not answer."),
                _("It may have acted on the request: that is checked once it answers, and nothing is sent twice."),
                cause=cause,
            )
        case ServerBusy():
            return Words(
                _("{server} is busy.", server=server),
                _("Nothing was queued. Try again in a moment.")
                if error.retry_at is None
                else _("Nothing was queued. It is tried again at {time}.", time=_.formats.clock(error.retry_at)),
                tone=Tone.WARN,
                cause=cause,
            )
        case ConnectError():
            return Words(
                _("{server} cannot be reached.", server=server),
                _("The request was certainly not sent. Check that it runs, then try again."),
                cause=cause,
            )
        case RequestTimeout():
            return Words(
                _("{server} gave no clear answer.", server=server),
                _("It may have acted on the request: the task's state is checked, and nothing is sent twice."),
                cause=cause,
            )
        case SocketClosed():
            return Words(
                _("The live connection to {server} is interrupted.", server=server),
                _("Work continues, and its state is checked. The connection is restored automatically."),
                tone=Tone.WARN,
                cause=cause,
            )
    return Words(_("The request to {server} did not come through.", server=server), _("Try again."), cause=cause)


def _comfy(error: ComfyError, _: Translator) -> Words:
    server = word_peer(error.server_id, _)
    match error:
        case HttpStatusError() | ProtocolError() if not error.server_id:
            return Words(
                _("Mooring's gateway gave an answer that cannot be read."),
                _("Nothing was sent. Check whether a log-in page or another program answers in its place."),
                error.detail,
                cause=word_cause(f"status-{error.status}", _) if isinstance(error, HttpStatusError) else "",
            )
        case HttpStatusError(status=413):
            return Words(
                _("The file is too large for {server}.", server=server),
                _("Choose a smaller file, or raise the server's upload limit (--max-upload-size)."),
                error.detail,
            )
        case HttpStatusError():
            return Words(
                _("{server} answered with an error ({status}).", server=server, status=str(error.status)),
                _("Its log may say more. Try again, or use another server once this window is free."),
                error.detail,
            )
        case PromptRejected() if (ruled := word_rule(error, _)) is not None:
            return ruled
        case PromptRejected():
            return Words(
                _("{server} refused the workflow.", server=server),
                _("Nothing runs. Correct what is named below and press Run again."),
                " ".join(filter(None, (error.message, error.details))),
            )
        case ProtocolError():
            return Words(
                _("What answers for {server} is not ComfyUI.", server=server),
                _("Check its address in the fleet: a log-in page or another program may be there."),
                error.detail,
            )
    return Words(_("{server} answered with something unexpected.", server=server), _("Try again."))


def word_node_error(error: NodeError, _: Translator) -> Words:
    """Return the message about one fault that a server found in a prompt."""
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
