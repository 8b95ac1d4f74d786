import mooring
import requests

done = [task for task in await mooring.tasks() if task["state"] == "succeeded" and task["outputs"]]
task = done[-1]
path = await mooring.get_task_bound_image_url(task["promptId"])

answer = requests.get(mooring.origin + path)
answer.raise_for_status()
await mooring.save(task["outputs"][0]["filename"], answer.content)
print(len(answer.content), "bytes from", task["executionServer"])
