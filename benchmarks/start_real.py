"""How long a window takes beside a real ComfyUI: Mooring in front of it, its own page, and its frontend served as fast
as ours.

    MOORING_REAL_COMFYUI=http://127.0.0.1:8188 python3 -m benchmarks.start_real

All three know the nodes of that server. Otherwise as `benchmarks/start.py`, which has the parts.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict

from benchmarks.frontends import REAL, Frontend, behind, both, share, spread
from benchmarks.sections import Load, table, write_json, write_section
from benchmarks.start import KINDS, OURS, PEER, WATCH, Start, profile, start_of
from benchmarks.start_peer import READY as PEER_READY

RUNS = 5
ITSELF = "itself"
TITLE = "Beside a real ComfyUI"
INTRO = f"""`MOORING_REAL_COMFYUI=… python3 -m benchmarks.start_real`: until a window is up, in turns, with {{behind}}.
*Itself* is the page that this server has; *ComfyUI's* is the frontend package with our compression and caching. The
median of {RUNS} and their range ({{load}}).

"""


def main() -> None:
    """Measure and write the section."""
    if not REAL:
        sys.exit("Set MOORING_REAL_COMFYUI to the address of a ComfyUI on this machine.")
    load = Load()
    found = asyncio.run(measure())
    rows = [row(kind, which, found[kind, which]) for kind in KINDS for which in (OURS, ITSELF, PEER)]
    report = table(["", "", "up, ms", "range", "paint, ms", "CPU, ms", "bytes"], rows)
    shares = [[kind, *(of(found, kind, which) for which in (ITSELF, PEER))] for kind in KINDS]
    report += "\n\n" + table(["Mooring as a share of", ITSELF, PEER], shares)
    print(report)
    write_section("START.md", TITLE, INTRO.format(behind=behind(), load=load) + report)
    plain = {f"{kind}, {which}": [vars(start) for start in starts] for (kind, which), starts in found.items()}
    write_json("start_real", {"load": str(load), "starts": plain})


def row(kind: str, which: str, starts: list[Start]) -> list[str]:
    up = spread([start.seconds * 1000 for start in starts])
    (paint, _), (cpu, _) = (spread([getattr(start, name) * 1000 for start in starts]) for name in ("paint", "cpu"))
    size, _ = spread([start.bytes for start in starts], ",.0f")
    return [kind, which, *up, paint, cpu, size]


def of(found: dict[tuple[str, str], list[Start]], kind: str, which: str) -> str:
    """Return Mooring's time as a share of another's."""
    ours, others = ([start.seconds for start in found[kind, name]] for name in (OURS, which))
    return share(ours, others)


async def measure() -> dict[tuple[str, str], list[Start]]:
    """Measure every start, by kind and frontend."""
    found: dict[tuple[str, str], list[Start]] = defaultdict(list)
    async with both() as frontends:
        for _ in range(RUNS):
            for one in (*frontends, Frontend(ITSELF, REAL, PEER_READY)):
                async with profile() as (context, folder):
                    await context.add_init_script(WATCH % one.ready)
                    for kind in KINDS:
                        found[kind, one.name].append(await start_of(context, folder, one.address, kind))
    return found


if __name__ == "__main__":
    main()
