import json
import urllib.request

import mooring

for server in (await mooring.fleet())["servers"]:
    with urllib.request.urlopen(f"{mooring.origin}/servers/{server['id']}/queue") as answer:
        queue = json.load(answer)
    print(server["name"], len(queue["queue_running"]), "running,", len(queue["queue_pending"]), "waiting")
