"""Downloads of models by a server: only administrators start them, and only from hosts that the fleet file lists.

The gateway does not see where the server is redirected to, so a listed host must be trusted with its redirects.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from gateway.http.json_reader import Scan, build, keys_of
from gateway.http.proxy import Terms
from gateway.http.refusal import Refusal, RefusedRequest
from gateway.http.servers import ServerId
from gateway.people.audit import audit
from wire.downloads import SourceFault, judge_source, write_download
from wire.refusals import Cause

_WHY = {
    SourceFault.FORM: "The address is not a plain https address of a file.",
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
        asked = build(body)  # its form was checked before
        source, folder = asked["source_url"], asked["tags"][1]
        if len(keys_of(body)) != len(asked):
            raise RefusedRequest(Refusal(Cause.REFUSED_BODY, "A key occurs twice."))
        if (fault := judge_source(source, hosts)) is not None:
            raise RefusedRequest(Refusal(Cause.MODEL_SOURCE, _WHY[fault]))
        audit("download", name=name, server=server_id, source=source, folder=folder)
        return json.dumps(write_download(source, folder)).encode()  # so that the server reads exactly what was checked

    return Terms(rewrite=rewrite)
