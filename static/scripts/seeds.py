import random

import mooring
import requests

sample = requests.get(f"{mooring.origin}/static/workflows/text.json").json()
workflow = sample["workflow"]

started = []
for number in (1, 2, 3):
    workflow["1"]["inputs"]["seed"] = random.randrange(2**32)
    started.append(await mooring.submit_workflow(workflow, title=f"Seed {number} of 3"))

for prompt_id in started:
    task = await mooring.wait_for(prompt_id)
    print(task["title"], task["state"], "on", task["executionServer"])
