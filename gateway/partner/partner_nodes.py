"""Adds the key of a user to prompts with partner nodes, or refuses them before anything is sent.

body = await partner_nodes.write(upstream, body, scan, "anna")
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from gateway.fleet.catalogue_contents import NodeClasses
from gateway.fleet.catalogues import Catalogues
from gateway.fleet.classes import REPLACEMENTS, Classes, read_replacements
from gateway.fleet.partner_rules import PartnerRules
from gateway.fleet.probes import StatusError, fetch_json, judge_failure
from gateway.fleet.server_answers import NotComfyError
from gateway.http.json_reader import Scan
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.secret import Secret
from gateway.http.upstream import Upstream
from gateway.partner.prompts import NO_CLASS, running_classes, split_at_key
from gateway.partner.proof import Proofs
from wire.refusals import Cause

_log = logging.getLogger(__name__)


class PartnerNodes:
    """Writes keys into prompts. `rules` are read for each prompt, since the fleet file may change.

    A key is added only to a prompt whose running nodes ask for it, for a user who may use it, and sent only to a server
    that may get it and was seen to show it to no one.
    """

    def __init__(
        self, rules: Callable[[], PartnerRules], catalogues: Catalogues, *, is_private: Callable[[], bool]
    ) -> None:
        self._rules = rules
        self._catalogues = catalogues
        self._is_private = is_private  # whether only this machine can reach a gateway without users
        self._proofs = Proofs()

    async def close(self) -> None:
        """Stop what continues in the background."""
        await self._proofs.close()

    async def write(self, upstream: Upstream, body: bytes, scan: Scan, name: str | None) -> bytes:
        """Return the body of a submit as it is sent; `name` is its user's, None without users. May raise `Refused`."""
        server = upstream.server
        if not server.is_partner and not self._catalogues.has_read(server.id):
            return body
        classes = await self._catalogues.node_classes(server.id)
        if classes is None or not classes.partner:
            return body
        found = await upstream.worker.run(scan, running_classes, body, classes)
        replaced = await _replaced(upstream, found, classes)
        running = found.union(*replaced.values())
        partner = sorted(running & classes.partner)
        if not partner:
            return body
        key = self._key(partner[0], name)
        if not server.is_partner:
            message = f"{server.id} gets no keys for partner nodes. Run {partner[0]} on a server that does."
            raise RefusedRequest(Refusal(Cause.NO_PARTNER_SERVER, message))
        if curious := sorted(running & classes.others_with_key):
            message = f"{curious[0]} is no partner node and asks for the key of {partner[0]}: remove one of them."
            raise RefusedRequest(Refusal(Cause.NO_PARTNER_KEY, message))
        if unlisted := sorted(found - classes.names - replaced.keys()):
            self._catalogues.reread(server.id)  # perhaps the server has installed it recently
            message = f"{server.id} has not listed {unlisted[0]}, so whether that would read the key is not known."
            raise RefusedRequest(Refusal(Cause.DENIED_NODE, message))
        await self._proofs.demand(upstream)
        before, after = await upstream.worker.run(scan, split_at_key, body)
        return before + key.reveal() + after

    def _key(self, node: str, name: str | None) -> Secret:
        rules = self._rules()
        key = rules.common_key(is_private=self._is_private()) if name is None else rules.key_of(name)
        if key is not None:
            return key
        if not any(rules.keys):
            message = f"{node} uses credits, and this installation has no key for it ([partner] in the fleet file)."
        else:
            message = f"{node} uses credits, and you may not use any here ([partner] in the fleet file)."
        raise RefusedRequest(Refusal(Cause.NO_PARTNER_KEY, message))


async def _replaced(upstream: Upstream, running: frozenset[str], classes: NodeClasses) -> dict[str, frozenset[str]]:
    """Return the classes that the server runs in place of those that it does not have, by their old names."""
    missing = running - classes.names - {NO_CLASS}
    if not missing:
        return {}
    try:
        async with asyncio.timeout(upstream.deadlines.read):
            replacements = read_replacements(await fetch_json(upstream, REPLACEMENTS))
    except StatusError as error:
        if error.status == 404:  # an older server
            return {}
        raise RefusedRequest(_unknown(upstream, error)) from error
    except (aiohttp.ClientError, OSError, TimeoutError, NotComfyError, ValueError) as error:
        raise RefusedRequest(_unknown(upstream, error)) from error
    known = Classes(classes, replacements)
    return {name: known.names_of(name) & classes.names for name in missing if known.is_known(name)}


def _unknown(upstream: Upstream, error: Exception) -> Refusal:
    reason = "not ComfyUI's answer" if isinstance(error, ValueError) else judge_failure(error).detail
    message = f"Which node classes {upstream.server.id} replaces could not be read ({reason}). Retry."
    return Refusal(Cause.UPSTREAM_BUSY, message)
