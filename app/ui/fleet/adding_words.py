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
            title, advice = (
                _("This is not the address of a server"),
                _("For example http://192.168.1.20:8188, or gpu-1."),
            )
        case AddressFault.LOGIN:
            title, advice = (
                _("An address must not contain a login"),
                _("Addresses are shown and logged. Enter it without the login, and set that in the fleet file."),
            )
        case AddressFault.FORBIDDEN:
            title, advice = (
                _("No server may have this address"),
                _("It is link-local, or a cloud's metadata service. Nothing was sent to it."),
            )
        case AddressFault.UNKNOWN_NAME:
            title, advice = _("This name is not known"), _("Check its spelling, or type the IP address.")
    return Words(title, advice, tone=Tone.WARN)


def word_checked(found: CheckedServer, _: Translator) -> Words:
    """Return the result of a check."""
    if found.is_known:
        return Words(_("{server} is in the list already", server=found.name), tone=Tone.QUIET)
    if found.health is not Health.WELL:
        return word_health(found.health, found.cause, _)
    facts = [f"ComfyUI {found.version}".rstrip()]
    for device in found.devices:
        size = _.formats.size(device.total) if device.total else ""
        facts.append(f"{name_device(Device(name=device.title))} {size}".rstrip())
    back = _("It was in the list before, and is restored with its name and settings.") if found.was_removed else ""
    no_socket = _("Its WebSocket does not open, so progress is delayed. Check the proxy in front of it.")
    advice = sentences(back, "" if found.has_socket else no_socket)
    return Words(SEPARATOR.join(facts), advice, tone=Tone.GOOD if found.has_socket else Tone.WARN)


def word_added(added: AddedServer, _: Translator) -> Words:
    """Return the result of adding a server, and where it is kept."""
    if added.fault is not None:
        return word_fault(added.fault, _)
    if not added.server_id:
        advice = _("Add these lines to the fleet file:")
        return Words(_("It was not added"), advice, tone=Tone.WARN, cause=added.problem)
    match added.kept:
        case Kept.FILE:
            advice = _("It is used from now on. It is saved in the fleet file:")
        case Kept.NEXT_START:
            advice = _("It is used from now on. It is saved in this file, which Mooring reads at its next start:")
        case Kept.NAMED:
            advice = _("It is used until Mooring ends. To keep it, start Mooring with --fleet and this file:")
        case Kept.NOWHERE:
            advice = _("It is used until Mooring ends.")
            if added.lines:
                how = _("The file could not be written. Add these lines to a fleet file to keep it:")
                advice = sentences(advice, how)
    tone = Tone.WARN if added.problem else Tone.GOOD
    return Words(_("{server} is added", server=added.server_id), advice, tone=tone, cause=added.problem)
