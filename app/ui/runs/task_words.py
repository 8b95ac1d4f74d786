"""A task in plain words: its state with the evidence, its contact, its end, its results, its server."""

from __future__ import annotations

from app.core.busy import BUSY, is_looked_up
from app.core.comfy import met_busy
from app.core.ends import EndCause, end_cause
from app.core.model import Contact, Delivery, Failure, Output, ServerChoice, Task, TaskState
from app.ui.kit.cause_words import GATEWAY_LOST, word_cause, word_rule
from app.ui.kit.i18n import Translator
from app.ui.kit.words import Tone, Words, sentences
from app.ui.runs.cards import named_node, title_of
from app.ui.runs.note_words import word_sign, word_unclear
from wire.media import viewer_of

SECONDS_UP_TO = 90.0  # longer times are given in minutes


def word_task(task: Task, _: Translator) -> Words:
    """Return the task's state and contact as one text."""
    if not task.state.is_end and not task.progress.is_reachable:
        return word_contact(task, _)
    return word_state(task, _)


def word_left(task: Task, _: Translator) -> Words:
    """Return the text for work of a closed window: no window watches it, so only its last known state is shown."""
    words = word_task(task, _)
    if task.state.is_end:
        return words
    known = (task.created_at, task.progress.answered_at, task.progress.started_at, *(note.at for note in task.notes))
    time = max(at for at in known if at is not None)
    return Words(_("When last seen, {time}: {state}", time=_.formats.clock(time), state=words.title), tone=Tone.QUIET)


def word_state(task: Task, _: Translator) -> Words:
    """Return the text of the state alone."""
    match task.state:
        case TaskState.REGISTERED:
            return Words(_("Sending to {server} …", server=task.server_id), tone=Tone.BUSY)
        case TaskState.UNCLEAR:
            return _unclear(task, _)
        case TaskState.QUEUED | TaskState.RUNNING:
            return _under_way(task, _)
        case TaskState.SUCCEEDED:
            return _succeeded(task, _)
        case TaskState.FAILED:
            failure = task.end.failure or Failure(kind="execution")
            return word_failure(failure, _, node=_.known(named_node(task, failure.node_id)))
        case TaskState.CANCELLED:
            return _cancelled(task, _)
        case TaskState.LOST:
            return _lost(task, _)
        case TaskState.GIVEN_UP:
            advice = _("If {server} still runs it, its result stays there.", server=task.server_id)
            return Words(_("No longer tracked"), advice, tone=Tone.QUIET)


def _under_way(task: Task, _: Translator) -> Words:
    if task.progress.absent_since is not None:
        return Words(
            _("{server} no longer has it", server=task.server_id),
            _("It is looked up once more before it counts as lost."),
            tone=Tone.WARN,
        )
    is_running = task.state is TaskState.RUNNING
    if task.progress.is_cancelling and is_running:
        return Words(_("Stopping at the server's next step …"), tone=Tone.BUSY)
    if task.progress.is_cancelling:
        return Words(_("Stopping …"), tone=Tone.BUSY)
    return Words(_("Running") if is_running else _waiting(task, _), tone=Tone.BUSY)


def _cancelled(task: Task, _: Translator) -> Words:
    if end_cause(task) is EndCause.CANCELLED:
        return Words(_("Stopped"), tone=Tone.QUIET)
    return Words(
        _("Interrupted by another user"),
        _(
            "Another user or program has stopped it on {server}. Run it again if you still want it.",
            server=task.server_id,
        ),
        tone=Tone.WARN,
    )


def _unclear(task: Task, _: Translator) -> Words:
    cause = next((note.detail for note in reversed(task.notes) if note.kind == "unclear"), "")
    if is_looked_up(task):
        return Words(
            _("{server} is busy", server=task.server_id),
            _("It is looked up there before it is sent again, so that it never runs twice."),
            tone=Tone.WARN,
            cause=word_unclear(cause, _),
        )
    return Words(
        _("No clear answer from {server}", server=task.server_id),
        _(
            "It is being looked up there, and not sent a second time. Until that is settled, this window stays with"
            " {server}.",
            server=task.server_id,
        )
        if task.holds_window
        else _("It is being looked up there, and not sent a second time."),
        tone=Tone.WARN,
        cause=word_unclear(cause, _) if cause else "",
    )


def _succeeded(task: Task, _: Translator) -> Words:
    if task.end.missing:
        nodes = ", ".join(f"{_.known(title_of(task, node_id))} ({node_id})" for node_id in task.end.missing)
        return Words(
            _("Finished, but not everything was made"),
            _("The server reports success without the output of: {nodes}", nodes=nodes),
            tone=Tone.WARN,
        )
    if task.progress.warnings:
        return Words(_("Finished, without what the server left out"), tone=Tone.WARN)
    return Words(_("Finished"), tone=Tone.GOOD)


def _lost(task: Task, _: Translator) -> Words:
    """Return the evidence: two polls of the same server, and what was noticed about it."""
    server, cause = task.server_id, end_cause(task)
    polls = [_.formats.clock(note.at) for note in task.notes if note.kind in {"absent", "absent_again"}]
    signs = [note.detail for note in task.notes if note.kind == "server_changed"]
    title, explanation = _word_cause_of_loss(server, cause, _)
    parts = [
        _("{server} answers, but has it neither in its queue nor in its history.", server=server),
        _("Looked twice, last at {time}.", time=polls[-1]) if polls else "",
        word_sign(signs[-1], _) if signs else explanation,
        _("Run it again if you still want it."),
    ]  # fmt: skip
    return Words(title, sentences(*parts))


def _word_cause_of_loss(server: str, cause: EndCause | None, _: Translator) -> tuple[str, str]:
    """Return a title and an explanation, which holds if there is no sign of a restart."""
    unknown = _("It was probably restarted, or its queue or history was cleared.")
    match cause:
        case EndCause.REMOVED:
            return (
                _("Removed from the queue by another user"),
                _("It has not been restarted, so its queue was cleared, or this was taken out of it."),
            )
        case EndCause.NEVER_SEEN:
            return (
                _("Lost: never seen at {server}", server=server),
                _("No record shows that it arrived: the connection broke as it was sent, or it was removed early."),
            )
        case EndCause.RESTARTED:
            return _("Lost: {server} was restarted", server=server), unknown
        case EndCause.UNKNOWN | EndCause.CANCELLED | EndCause.INTERRUPTED | None:
            return _("Lost"), unknown


def _waiting(task: Task, _: Translator) -> str:
    place = task.progress.place
    if place is None:
        return _("Waiting in line")
    if place <= 1:
        return _("Next in line")
    return _.plural("{count} ahead in line", "{count} ahead in line", place - 1)


def word_contact(task: Task, _: Translator) -> Words:
    """Say whether the task's server answers; silence never ends a task."""
    detail = task.progress.contact_detail
    match task.progress.contact:
        case Contact.OK:
            return Words(_("The server answers"), tone=Tone.GOOD)
        case Contact.UNREACHABLE if detail in {"not-logged-in", "other-person"}:
            return Words(
                _("Not asked about now"),
                _("It goes on at {server}, and is fetched once you have logged in again.", server=task.server_id),
                tone=Tone.WARN,
                cause=word_cause(detail, _),
            )
        case Contact.UNREACHABLE if detail == GATEWAY_LOST:  # which is said once for all
            return Words(
                _("Not asked about now"),
                _("It goes on at {server}, and is asked about once the gateway answers.", server=task.server_id),
                tone=Tone.QUIET,
            )
        case Contact.UNREACHABLE:
            is_busy = detail == BUSY
            return Words(
                _("{server} is busy", server=task.server_id)
                if is_busy
                else _("{server} does not answer", server=task.server_id),
                _("The work may well go on there, and nothing is moved elsewhere."),
                tone=Tone.WARN,
                cause=word_cause(detail, _),
            )
        case Contact.MOVED if not detail:
            return Words(
                _("{server} is no longer in the fleet", server=task.server_id),
                _("Nothing is sent anywhere for this work until the server is in the fleet again."),
                task.address,
                Tone.WARN,
            )
        case Contact.MOVED:
            return Words(
                _("{server} is no longer at the address that has this work", server=task.server_id),
                _("Nothing is sent to the new address unless you say that it is the same server."),
                f"{task.address} → {detail}",
                Tone.WARN,
            )


def word_failure(failure: Failure, _: Translator, *, node: str = "") -> Words:
    """Return why a task failed: refused, certainly not sent, or stopped by an error while running.

    `node` is the title of the failed node; without it, its class is named.
    """
    node = node or failure.node_type
    match failure.kind:
        case "rejected" if (ruled := word_rule(failure, _)) is not None:
            return ruled
        case "rejected":
            return Words(
                _("The server refused the workflow"),
                _("Nothing ran. Correct what is named here and press Run again."),
                failure.message,
            )
        case "not_sent" if met_busy(failure):
            return Words(
                _("Not queued"),
                _("The server has it neither in its queue nor in its history. Press Run again."),
                cause=word_cause(failure.message, _),
            )
        case "not_sent":
            return Words(
                _("It could not be sent"),
                _("The server has certainly not seen it. Check that it runs, and press Run again."),
                cause=word_cause(failure.message, _),
            )
    if failure.is_out_of_memory:
        return _out_of_memory(failure, node, _)
    return Words(
        _("Stopped by an error in “{node}”", node=node) if node else _("Stopped by an error"),
        _("The server's own words are below."),
        failure.message,
    )


def _out_of_memory(failure: Failure, node: str, _: Translator) -> Words:
    return Words(
        _("Not enough memory for “{node}”", node=node) if node else _("The server's memory was not enough"),
        _(
            "Make the picture smaller, make fewer at once, or free memory on the server, where other models or programs"
            " may hold it. Then run it again."
        ),
        failure.message,
    )


def word_delivery(output: Output, _: Translator) -> Words:
    """Say what happened to one result's bytes."""
    is_image = viewer_of(output.media_type, output.filename) == "image"
    match output.delivery:
        case Delivery.PENDING:
            return Words(_("Being fetched …"), tone=Tone.BUSY)
        case Delivery.KEPT:
            return Words(_("Kept in this browser"), tone=Tone.GOOD)
        case Delivery.GONE:
            return _gone(_, has_thumbnail=bool(output.size) and is_image)
        case Delivery.UNPROVEN:
            return Words(
                _("Not proven to be yours, so not shown"),
                _(
                    "The server answered with a file that another user's run may have made, or that the workflow itself"
                    " names. Run it again for a file of your own; if that does not help, change the seed or the file"
                    " name."
                ),
                tone=Tone.WARN,
            )
        case Delivery.OVERWRITTEN:
            return Words(
                _("Another file has its name on the server now"),
                _("The file there is newer or older than this task, so it is not shown as its result."),
                tone=Tone.WARN,
            )
        case Delivery.NOT_KEPT:
            return Words(
                _("Only on the server, not kept here"),
                _("The browser's storage did not take it. Download it while the server has it."),
                tone=Tone.WARN,
            )
        case Delivery.THUMBNAIL if is_image:
            return Words(_("Only a thumbnail is kept here"), tone=Tone.QUIET)
        case Delivery.THUMBNAIL:
            return Words(_("Not kept here"), _("It is of no kind that has a thumbnail."), tone=Tone.QUIET)
        case Delivery.DROPPED:
            return Words(
                _("No longer kept here"),
                _("It made room for newer results, or was deleted here. Its server may still have it: open it."),
                tone=Tone.QUIET,
            )


def _gone(_: Translator, *, has_thumbnail: bool) -> Words:
    if has_thumbnail:
        return Words(
            _("Only the thumbnail is left"),
            _("The picture is neither kept here nor on its server any more. Run the work again."),
            tone=Tone.QUIET,
        )
    return Words(
        _("The file is gone from the server"),
        _("It was deleted before it could be fetched. Run the work again."),
    )


def word_choice(choice: ServerChoice, _: Translator) -> str:
    """Say why this server was chosen."""
    server = choice.server_id
    match choice.reason:
        case "only":
            return _("{server} was the only one that answered.", server=server)
        case "least_loaded":
            return _("{server} had the shortest line.", server=server)
        case "soonest":
            return _("{server} should have it done first.", server=server)
        case "warm":
            return _("{server} has the model loaded already, and so should have it done first.", server=server)
        case "two_choice":
            return _(
                "What was known of the servers was not fresh, so two were drawn; {server} was the sooner one.",
                server=server,
            )
        case "weighted":
            return _("{server} is to get more of the work than others, so its line counts for less.", server=server)
        case "weighted_tie":
            return _("By their weights several servers were equally free; the draw fell on {server}.", server=server)
        case "tie":
            return _("Several servers were equally free; the draw fell on {server}.", server=server)
        case "moored":
            return _("This window already used {server}, and all its work goes there.", server=server)
        case "idle":
            return _("{server} was idle, and the runs are spread over the servers.", server=server)
        case "preferred":
            return _("{server} is preferred by this window.", server=server)
        case "asked":
            return _("{server} was asked for by name.", server=server)
    return _("{server} was chosen.", server=server)


def word_score(seconds: float, _: Translator) -> str:
    """Say when the work would be done, from learned times, no more exactly than those allow."""
    if seconds < SECONDS_UP_TO:
        return _.plural("done in about {count} second", "done in about {count} seconds", max(1, round(seconds)))
    return _.plural("done in about {count} minute", "done in about {count} minutes", round(seconds / 60))


def word_load(count: int, seconds: float | None, _: Translator) -> str:
    """Say how long a server's queue was, and when the work would be done there if that was known."""
    line = _.plural("{count} task in line", "{count} tasks in line", count)
    return line if seconds is None else f"{line} · {word_score(seconds, _)}"
