import mooring
import requests

for server in (await mooring.fleet())["servers"]:
    answer = requests.get(f"{mooring.origin}/servers/{server['id']}/queue", timeout=10)
    queue = answer.json()
    print(server["name"], len(queue["queue_running"]), "running,", len(queue["queue_pending"]), "waiting")
