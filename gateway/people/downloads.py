"""Downloads of models by a server: started by administrators, from the hosts that the fleet file lists.

Where the server's own redirects lead is not seen here, so a listed host is trusted to redirect well.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from gateway.http.json_reader import Scan, build, keys_of
from gateway.http.proxy import Terms
from gateway.http.refusal import Cause, Refusal, Refused
from gateway.http.servers import ServerId
from gateway.people.audit import audit
from wire.downloads import SourceFault, judge_source, write_download

_WHY = {
    SourceFault.FORM: "The address is no plain https address of a file.",
    SourceFault.SCHEME: "Models are downloaded by https only.",
    SourceFault.LOGIN: "The address has a user name or a password.",
    SourceFault.PORT: "The address has a port; only the default port of https is allowed.",
    SourceFault.HOST: "The fleet file does not list this host in model_hosts.",
    SourceFault.QUERY: "The address has a query, which may name another file; only ?download=true is allowed.",
    SourceFault.ENDING: "The address does not end in .safetensors, the only kind of model that runs no code.",
}


def download_terms(server_id: ServerId, hosts: Collection[str], name: str) -> Terms:
    """Return the terms of a request for a download, or about one; `name` is the administrator's."""

    async def rewrite(body: bytes, _scan: Scan) -> bytes:
        return _write(body, server_id, hosts, name)

    return Terms(rewrite=rewrite)


def _write(body: bytes, server_id: ServerId, hosts: Collection[str], name: str) -> bytes:
    """Return a new body, so that the server reads what was checked; `Refused` if it may not be sent."""
    asked = build(body)  # its form was checked before
    source, folder = asked["source_url"], asked["tags"][1]
    if len(keys_of(body)) != len(asked):
        raise Refused(Refusal(Cause.REFUSED_BODY, "A key occurs twice."))
    if (fault := judge_source(source, hosts)) is not None:
        raise Refused(Refusal(Cause.MODEL_SOURCE, _WHY[fault]))
    audit("download", name=name, server=server_id, source=source, folder=folder)
    return json.dumps(write_download(source, folder)).encode()
