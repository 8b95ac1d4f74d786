"""Texts about models that servers lack, and about their downloads."""

from __future__ import annotations

from app.core.errors import HttpStatusError
from app.ui.kit.i18n import Translator
from app.ui.kit.messages import word_error
from app.ui.kit.words import Tone, Words, word_list
from app.ui.runs.downloads import Download
from app.ui.runs.state import MissingModel
from wire.downloads import DownloadStatus, SourceFault


def word_by_hand(model: MissingModel, _: Translator) -> str:
    """Say which file the user can put where."""
    servers = word_list([tag.name for tag in model.by_hand], _)
    if model.folder:
        return _(
            "Put “{name}” into “models/{folder}” on {servers}.", name=model.name, folder=model.folder, servers=servers
        )
    return _(
        "Put “{name}” on {servers}, into the folder in “models” from which its node reads.",
        name=model.name,
        servers=servers,
    )


def word_refusal(model: MissingModel, _: Translator) -> str:
    """Say which rule forbids a download that a server could do; empty without one."""
    if model.is_renamed:
        return _("It cannot be downloaded from here: the file at this address has another name.")
    match model.fault:
        case None:
            return ""
        case SourceFault.HOST:
            host = model.url.split("/")[2].partition(":")[0]  # as it is judged; `urlsplit` raises for some
            return _(
                "It cannot be downloaded from here: “model_hosts” in the fleet file does not list {host}.", host=host
            )
        case SourceFault.ENDING | SourceFault.QUERY:
            return _("It cannot be downloaded from here: the address does not end in “.safetensors”.")
        case SourceFault.SCHEME:
            return _("It cannot be downloaded from here: the address does not begin with “https”.")
    return _("It cannot be downloaded from here: the address has a login, a port or unusual characters.")


def word_progress(download: Download, server: str, _: Translator) -> str:
    """Say how much is downloaded."""
    if download.is_silent:
        return _("{server} does not answer at the moment. If it is running, the download continues.", server=server)
    if download.done and download.total:
        done, total = _.formats.size(download.done), _.formats.size(download.total)
        return _("{done} of {total} on {server}", done=done, total=total, server=server)
    if download.done:
        return _("{done} on {server}", done=_.formats.size(download.done), server=server)
    return _("{server} is downloading it …", server=server)


def word_failure(download: Download, server: str, _: Translator) -> Words:
    """Say why a download was not started, or is no longer polled."""
    error = download.error
    assert error is not None
    if download.is_unable:
        return Words(_("{server} cannot download models.", server=server), tone=Tone.WARN)
    if download.task_id and isinstance(error, HttpStatusError) and error.status == 404:
        return Words(
            _("{server} no longer knows this download.", server=server),
            _("It may have been restarted. “Look again” shows whether the model is there."),
            tone=Tone.WARN,
        )
    return word_error(error, _)


def word_ended(download: Download, server: str, _: Translator) -> Words:
    """Say how a download ended whose model is still missing."""
    if download.status is DownloadStatus.FAILED:
        return Words(_("{server} could not download it.", server=server), quote=download.message)
    return Words(
        _("{server} has downloaded it.", server=server),
        _("Its model list is being updated. If the model stays missing, it was saved elsewhere or under another name."),
        tone=Tone.GOOD,
    )
