import mooring

fleet = await mooring.fleet()
for server in fleet["servers"]:
    print(server["name"], server["health"], server["running"], "running,", server["pending"], "waiting")
