"""Texts of the panel *Fleet*: a server's health, last hour and devices, moorings, and preferences."""

from __future__ import annotations

from app.core.direct import Refusal
from app.core.model import LocalServer, Server
from app.core.window import is_address_tag
from app.ui.fleet.panel import ONLY, MooringRow
from app.ui.fleet.words import word_health
from app.ui.kit.i18n import Translator
from app.ui.kit.words import SEPARATOR, Tone, Words
from wire.server_stats import MINUTES, ServerStats
from wire.system_stats import Device


def word_trouble(server: Server, _: Translator) -> Words:
    """Return a server's health with its cause."""
    return word_refusal(server.cause, _) or word_health(server.health, server.cause, _)


def word_refusal(cause: str, _: Translator) -> Words | None:
    """Return why the browser does not let a page without a gateway use a server; None for any other cause."""
    match cause:
        case Refusal.NO_CORS.value:
            return Words(
                _("It does not let this page in"),
                _("It runs, but no page may read its answers. Start it with this flag:"),
                tone=Tone.WARN,
            )
        case Refusal.ORIGIN.value:
            return Words(
                _("It refuses this page (403)"),
                _("A ComfyUI on this machine takes its own page only. Start it with this flag:"),
                tone=Tone.WARN,
            )
        case Refusal.MIXED.value:
            return Words(
                _("The browser forbids it: https page, http server"),
                _(
                    "It was not asked. Start it with --tls-keyfile and --tls-certfile and list its https address,"
                    " or open this page by http."
                ),
                tone=Tone.WARN,
            )
        case Refusal.POLICY.value:
            return Words(
                _("This page may not ask it"),
                _("Its address is not in the page's policy. Export the page again with the list as it is now."),
                tone=Tone.WARN,
            )
        case Refusal.BETWEEN.value:
            return Words(
                _("Something is in front of it"),
                _("It sends this page on to another address, usually to log in, which a page cannot do there."),
                tone=Tone.WARN,
            )
        case Refusal.UNSEEN.value:
            return Words(
                _("Something answers, but not this page"),
                _(
                    "Open its address in a tab: is it a log-in page or a proxy, or a newer ComfyUI? The latter is to be"
                    " started with this flag:"
                ),
                tone=Tone.WARN,
            )
        case Refusal.NO_HTTPS.value:
            return Words(
                _("No connection by https"),
                _("Start it, or check its address. Open it in a tab: this browser has to trust its certificate."),
            )
    return None


def word_hour(stats: ServerStats, _: Translator) -> str:
    """Return the sparkline as text."""
    share = stats.busy_share
    if share is None:
        return _("It has not answered since monitoring began") if stats.minutes else ""
    percent = _.formats.percent(share)
    if stats.minutes >= MINUTES:
        busy = _("Busy for {share} of the last hour", share=percent)
    else:
        busy = _.plural(
            "Busy for {share} of the last {count} minute",
            "Busy for {share} of the last {count} minutes",
            stats.minutes,
            share=percent,
        )
    longest = _("at most {count} in line", count=stats.longest) if stats.longest else ""
    gaps = "" if stats.is_whole else _("did not always answer")
    return SEPARATOR.join(filter(None, [busy, longest, gaps]))


def word_device(device: Device, _: Translator) -> str:
    """Return a device's memory; without another device, ComfyUI reports that of the whole machine."""
    if not device.total or device.free is None:
        return ""
    free, total = _.formats.size(device.free), _.formats.size(device.total)
    if device.kind == "cpu":
        return _("{free} of {total} memory free", free=free, total=total)
    return _("{free} of {total} VRAM free", free=free, total=total)


def word_place(server: Server) -> str:
    """Return a server's version, otherwise its address; empty for users who may not see that."""
    if server.version:
        return f"ComfyUI {server.version}"
    return server.at or ("" if is_address_tag(server.address) else server.address)


def name_device(device: Device) -> str:
    """Return a device's name without its number and allocator."""
    name = device.title
    if name == "cpu":
        return "CPU"
    first, _, rest = name.partition(" ")
    return rest if rest and ":" in first else name


def name_local(server: LocalServer) -> str:
    """Return the version and the devices of a server that is not in the fleet."""
    return SEPARATOR.join([f"ComfyUI {server.version}".rstrip(), *server.devices])


def word_mooring(row: MooringRow, _: Translator) -> str:
    """Return the times of a mooring, with its number of tasks."""
    began = _.formats.clock(row.began_at)
    if row.ended_at is None:
        times = _("since {time}", time=began)
    else:
        ended = _.formats.clock(row.ended_at)
        times = began if began == ended else _("{start} to {end}", start=began, end=ended)
    count = _.plural("{count} task", "{count} tasks", row.count) if row.count else _("a place is held")
    return f"{times}{SEPARATOR}{count}"


def word_leanings(_: Translator) -> tuple[tuple[str, str], ...]:
    """Return the preferences for a server, as choices."""
    return (
        ("", _("No preference")),
        ("prefer", _("Prefer it")),
        ("avoid", _("Avoid it")),
        (ONLY, _("This one only: wait for it")),
    )
