"""`serve.py static`: writes the page as plain files, and says what each server needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

from gateway.background_process import BackgroundProcess
from gateway.errors import ConfigError
from gateway.export.plain import PlainSite, write_plain
from gateway.export.plain_flags import StaticFlags, parse_static_flags
from gateway.fleet.file import read_fleet
from gateway.install.failures import SnapshotFailed
from gateway.install.packed import page_of
from gateway.install.snapshot import Busy, Snapshots
from gateway.installation import PLACE, ROOT


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 if the site was written, otherwise 1."""
    flags = parse_static_flags(arguments)
    try:
        site = _write(flags)
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for line in _summary(flags, site):
        print(line)
    return 0


def _write(flags: StaticFlags) -> PlainSite:
    fleet, place = read_fleet(flags.fleet), PLACE
    tree = page_of(place).current()
    with suppress(SnapshotFailed, Busy):  # the site works without one, and the summary says so
        Snapshots(place).make(tree.archive, BackgroundProcess(ROOT).run)
    return write_plain(place, tree, fleet, flags.folder)


def _summary(flags: StaticFlags, site: PlainSite) -> list[str]:
    lines = [f"Written to {flags.folder}."]
    lines += [f"  {server.id}  {server.address}" for server in site.servers]
    lines += [f"Left out: {server.id}, which has no direct = true." for server in site.left_out]
    if not site.has_snapshot:
        lines.append("Windows open more slowly: there is no memory snapshot (.mooring/setup.log).")
    return [
        *lines,
        "Start each server with --enable-cors-header and the page's origin, such as https://pages.studio.lan.",
    ]
