"""Texts about a server that is added."""

from __future__ import annotations

from app.ui.fleet.panel_words import name_device
from app.ui.fleet.words import word_health
from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR, Tone, Words, sentences
from wire.health import Health
from wire.new_servers import AddedServer, AddressFault, CheckedServer, Kept
from wire.system_stats import Device


def word_fault(fault: AddressFault, _: Translator) -> Words:
    """Return why no server can be at an address."""
    match fault:
        case AddressFault.INVALID:
            title, advice = _("This is no address of a server"), _("Such as http://192.168.1.20:8188, or gpu-1.")
        case AddressFault.LOGIN:
            title, advice = (
                _("No log-in belongs into an address"),
                _("Addresses are shown and logged. Type it without one; the fleet file has keys for it."),
            )
        case AddressFault.FORBIDDEN:
            title, advice = (
                _("No server may be at this address"),
                _("It is one of a machine's own network, or of a cloud's metadata. Nothing was sent to it."),
            )
        case AddressFault.UNKNOWN_NAME:
            title, advice = _("This name is not known"), _("Check its spelling, or type the IP address.")
    return Words(title, advice, tone=Tone.WARN)


def word_checked(found: CheckedServer, _: Translator) -> Words:
    """Return what is at an address."""
    if found.is_known:
        return Words(_("{server} is in the list already", server=found.name), tone=Tone.QUIET)
    if found.health is not Health.WELL:
        return word_health(found.health, found.cause, _)
    facts = [f"ComfyUI {found.version}".rstrip()]
    for device in found.devices:
        size = _.formats.size(device.total) if device.total else ""
        facts.append(f"{name_device(Device(name=device.title))} {size}".rstrip())
    back = _("It was here before, and comes back with its name and settings.") if found.was_removed else ""
    socket = "" if found.has_socket else _("Its WebSocket does not open: progress comes late. Is a proxy in the way?")
    return Words(SEPARATOR.join(facts), sentences(back, socket), tone=Tone.GOOD if found.has_socket else Tone.WARN)


def word_added(added: AddedServer, _: Translator) -> Words:
    """Return what became of a server, and where it stays."""
    if added.fault is not None:
        return word_fault(added.fault, _)
    if not added.server_id:
        advice = _("These lines in the fleet file add it:")
        return Words(_("It was not added"), advice, tone=Tone.WARN, cause=added.problem)
    match added.kept:
        case Kept.FILE:
            advice = _("It is used from now on. The fleet file has it:")
        case Kept.NEXT_START:
            advice = _("It is used from now on. This file keeps it, and Mooring's next start reads it:")
        case Kept.NAMED:
            advice = _("It is used until Mooring ends. To keep it, start Mooring with --fleet and this file:")
        case Kept.NOWHERE:
            advice = _("It is used until Mooring ends.")
            if added.lines:
                advice = sentences(advice, _("Its file could not be written. These lines in a fleet file keep it:"))
    tone = Tone.WARN if added.problem else Tone.GOOD
    return Words(_("{server} is added", server=added.server_id), advice, tone=tone, cause=added.problem)
