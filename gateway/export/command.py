"""`serve.py --export DIR`: writes the static site and the configuration of an nginx in front of gateways."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway.background_process import BackgroundProcess
from gateway.errors import ConfigError
from gateway.export.folder import SITE, claim, write_configuration
from gateway.export.nginx import write_nginx
from gateway.export.plan import ExportPlan, make_plan
from gateway.export.site import StaticSite, write_site
from gateway.flags import Flags
from gateway.fleet.file import read_fleet
from gateway.installation import COMMAND


def export(flags: Flags, folder: Path, root: Path) -> list[str]:
    """Write everything, and return the lines to print. A `ConfigError` says what is wrong."""
    assert flags.fleet is not None  # `read_flags` makes sure of it
    fleet = read_fleet(flags.fleet)
    plan = make_plan(flags, fleet)
    files = write_nginx(plan)
    claim(folder)
    try:
        site = write_site(root, folder / SITE, run=BackgroundProcess(root).run)
        write_configuration(folder, files, is_private=plan.has_secrets)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error})", key="--export") from error
    return [*_summary(flags, folder, plan, site), *(f"Warning: {text}" for text in (*fleet.warnings, *site.warnings))]


def _summary(flags: Flags, folder: Path, plan: ExportPlan, site: StaticSite) -> Iterable[str]:
    yield f"Written to {folder}: the page's files ({site.build}) and nginx.conf."
    yield f"nginx reaches without a gateway: {', '.join(server.id for server in plan.servers) or 'no server'}."
    if plan.has_secrets:
        yield "nginx.conf contains logins of servers: only its owner may read it (mode 0600)."
    yield "Gateways, each with the same fleet file" + (", users and key:" if plan.has_people else ":")
    for address in plan.gateways:
        host, _, port = address.rpartition(":")
        users = "" if flags.users is None else f" --users {flags.users}"
        yield f"  {COMMAND} --host {host.strip('[]')} --port {port} --fleet {flags.fleet}{users}"
    yield "Then:"
    yield f"  nginx -t -p {folder} -c nginx.conf"
    yield f"  nginx -p {folder} -c nginx.conf"
    yield f"People open {' or '.join(f'{origin}/' for origin in sorted(set(plan.origins.values())))}"
