"""The gateway's deadlines, in seconds: they end waits for a server before a browser would.

One value, passed from the composition root to each waiting part, so that tests can shorten them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each wait may take. The gateway waits for another process only with a deadline."""

    connect: float = 3.0  # name look-up, TCP and TLS
    lane: float = 3.0  # for a free place among the requests to one server
    heavy: float = 8.0  # for other answers of a server that need heavy work, such as proofs
    turn: float = 6.0  # for the answer to the same user's earlier prompt, before the next one is counted and sent
    read: float = 10.0  # until the headers of an answer to a GET
    view: float = 20.0  # the same for /view, which may re-encode a large picture
    submit: float = 30.0  # until the answer to a POST with a JSON body
    body: float = 90.0  # until a whole JSON body has arrived; 8 MB, the largest, need 0.75 Mbit/s
    idle: float = 30.0  # without progress (16 kB) in a body, and until the next part of an answer
    handshake: float = 10.0  # until a server has accepted a WebSocket
    upstream_close: float = 4.0  # until a server has confirmed that a WebSocket of ours has ended
    last_eof: float = 1.0  # from its Close frame to the end of its TCP connection
    replace: float = 6.0  # an upgrade's whole wait for the older socket of the same client_id
    stalled: float = 20.0  # a browser that takes none of what its WebSocket sends
    browser_close: float = 3.0  # for a browser to answer our Close frame
    heartbeat: float = 20.0  # between pings to a browser; half of it for the pong
    probe: float = 4.0  # one probe of one server
    loads: float = 1.5  # one server's part of /fleet/loads
    loads_down: float = 0.1  # the same for a server that is known to be down or to hang
    probe_well: float = 2.0  # between probes of a healthy server
    probe_down: float = 10.0  # the longest pause between probes of another one
    partner_proof: float = 6.0  # that a submit waits for the examination of whether its server keeps keys to itself
    partner_examination: float = 300.0  # such an examination, which waits for the prompt that runs
    catalogue: float = 30.0  # to read a server's node catalogue, which may be megabytes
    catalogue_fresh: float = 60.0  # between reads of a catalogue that is missing, or lacks a class
    fleet_file: float = 2.0  # between polls of the fleet file and the files that it refers to
    fleet_settles: float = 0.2  # a changed file is used once it has stayed the same for so long
    dns: float = 5.0  # one DNS query, with all its tries
    dns_least: float = 5.0  # between look-ups of a name, however short its records are valid
    dns_most: float = 60.0  # the same, however long they are valid, and after failures
    search: float = 2.0  # between requests to discovered servers that are not identified yet
    first_search: float = 8.0  # that a start waits for discovered servers
    minted: float = 1.0  # from minting an id to reading it back: another gateway may mint at the same moment
    departure: float = 60.0  # that a server which DNS no longer names may be unreachable before it leaves the fleet
    published: float = 2.0  # between polls of the folder of published workflows
    demo_start: float = 30.0  # until a demo server accepts connections
    close: float = 2.0  # for one part of the gateway to end; it is left behind then
    shutdown: float = 0.2  # for requests in progress, once the gateway is asked to end
