"""How long markup takes in the browser's Python: a whole page, its twenty results, the panel *Fleet*, two forms.

    python3 -m benchmarks rendering [REVISION …]

The views are made here and drawn by a Pyodide in Node, each many times. The fastest of nine rounds counts, since other
work on the machine only adds. With a revision of git, that code draws the same views in turn, so that both have the
same conditions.
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

from app.core.model import Delivery, ServerChoice, ServerId
from app.core.roster import moorings
from app.ui.fleet.panel import FleetDialog, fleet_view
from app.ui.form.state import Draft, FormState
from app.ui.kit.feature import OpenDialog
from app.ui.kit.image_addresses import Original
from app.ui.kit.projection import PageView
from app.ui.kit.state import UiState
from app.ui.page.projection import DIALOGS
from app.ui.page.regions import REGIONS
from app.ui.windows.panel import PanelFacts
from benchmarks.kit.report import ROOT, Load, show, table
from gateway.install.node import node_command
from gateway.install.place import Installation
from gateway.page.archive import make_archive
from tests.kit.page.anything import ANYTHING, anything
from tests.kit.page.panels import NOW, glance, roster
from tests.kit.page.stills import StillPictures, StillSession, ended, fleet, output, server, window, workflows
from tests.kit.page.views import project
from wire.server_stats import MINUTES, Minute, ServerStats
from wire.system_stats import Device

TURNS = 3
CARDS = 20  # as many as the page shows at first
NODES = 40  # as many as the form shows at first
DRAW = """
import gettext, json, pickle, time
from app.ui.kit.i18n import Translator
from app.ui.page.regions import REGIONS, changed_regions

class Formats:
    def number(self, value, digits=0): return f"{value:.{digits}f}"
    def percent(self, fraction): return f"{fraction * 100:.0f} %"
    def clock(self, at): return "12:00"
    moment = clock
    def size(self, count): return f"{count} B"

words = Translator("en", gettext.NullTranslations(), Formats())
measured = {}
for name, (region, view) in pickle.load(open("/views.pickle", "rb")).items():
    draw = REGIONS[region].draw if region else lambda view, _: "".join(changed_regions(None, view, _).values())
    html = str(draw(view, words))
    times = []
    for _round in range(9):
        began = time.perf_counter()
        for _time in range(10): str(draw(view, words))
        times.append((time.perf_counter() - began) / 10)
    measured[name] = [html.count("</"), min(times) * 1000]
print(json.dumps(measured))
"""


def views() -> dict[str, tuple[str, object]]:
    """The views by name, each with its region of the page; that of the whole page has none."""
    outputs = (output(delivery=Delivery.KEPT, size=1000), output("b.png", delivery=Delivery.KEPT, size=2000))
    choice = ServerChoice(server_id=ServerId("gpu-1"), reason="least_loaded", loads={"gpu-1": 0, "gpu-2": 2})
    tasks = [ended(f"t{number}", *outputs, choice=choice) for number in range(CARDS)]
    session = StillSession(window=window(*tasks), fleet=fleet(*(server(f"gpu-{number}") for number in range(8))))
    pictures = StillPictures(
        originals={(task.prompt_id, index): Original(f"blob:{index}") for task in tasks for index in (0, 1)}
    )
    page = project(
        session,
        UiState().with_slices(FormState(workflow_id="text")),
        workflows=workflows(),
        pictures=pictures,
        language="en",
    )
    seen = roster(*(glance(f"g{n}", created_at=NOW - 60 * n, ended_at=NOW - 60 * n + 50) for n in range(1, 13)))
    stats = ServerStats(
        (Device(name="cuda:0 A : b", kind="cuda", total=24_000, free=18_000),),
        tuple(Minute(well=6, looks=6, longest=n % 5) for n in range(MINUTES)),
    )
    facts = PanelFacts(seen, moorings(seen), stats={item.server_id: stats for item in session.fleet.servers})
    panel = fleet_view(session, facts, "")
    every = frozenset(str(number) for number in range(1, NODES + 1))
    large = FormState(workflow_id=ANYTHING, drafts={ANYTHING: Draft(unfolded=every)}, nodes_shown=NODES)
    unfolded = project(
        session, UiState().with_slices(large), workflows=(anything(nodes=NODES),), pictures=pictures, language="en"
    )
    kinds = [item.kind for item in REGIONS.values()]
    return {
        f"whole page with {CARDS} results": ("", PageView({kind: page.view.of(kind) for kind in kinds})),
        f"{CARDS} results": ("results", replace(page.results, cards=page.results.cards[:CARDS])),
        "*Fleet*, 8 servers": ("dialogs", OpenDialog(panel, DIALOGS[FleetDialog].draw)),
        "small form": ("form", page.form),
        f"form with {NODES} open nodes": ("nodes", unfolded.nodes),
    }


def archive_of(revision: str, folder: Path) -> bytes:
    """Return the `/app.zip` of a revision."""
    command = ["git", "archive", "--format=zip", revision, "app", "gateway", "wire"]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    zipfile.ZipFile(io.BytesIO(packed.stdout)).extractall(folder)
    subprocess.run([sys.executable, "-m", "gateway.page.templates", "."], cwd=folder, check=True)
    return make_archive(folder).data


def measure(archive: bytes, folder: Path) -> dict[str, tuple[int, float]]:
    """Return how many elements each view has, and the milliseconds that it took."""
    app, pickled, script = folder / "app.zip", folder / "views.pickle", folder / "draw.py"
    app.write_bytes(archive)
    pickled.write_bytes(pickle.dumps(views()))
    script.write_text(DRAW, "utf-8")
    command = [*node_command(Installation(ROOT)), ROOT / "benchmarks" / "kit" / "rendering.mjs", app, pickled, script]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    found: dict[str, tuple[int, float]] = json.loads(printed)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revisions", nargs="*", metavar="REVISION")
    parser.add_argument("--turns", type=int, default=TURNS)
    flags = parser.parse_args()
    load = Load()
    best: dict[str, dict[str, tuple[int, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archives = {revision: archive_of(revision, folder / revision) for revision in flags.revisions}
        archives["now"] = make_archive(ROOT).data
        for _turn in range(flags.turns):
            for which, archive in archives.items():
                for view, found in measure(archive, folder).items():
                    known = best.setdefault(view, {}).get(which)
                    best[view][which] = found if known is None or found[1] < known[1] else known
    rows = [
        [view, str(found["now"][0]), *(f"{found[which][1]:.1f} ms" for which in archives)]
        for view, found in best.items()
    ]
    show("rendering", load, table(["", "elements", *archives], rows), found=best)


if __name__ == "__main__":
    main()
