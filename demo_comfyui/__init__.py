"""Stand-in ComfyUI servers: the protocol of ComfyUI, pictures made with Pillow, no model.

`python -m demo_comfyui --port N` runs one server as its own process. It is a second implementation of what the real
server does on the wire, its traps included, so that Mooring can be tried and tested without a GPU. `--speaks` chooses
the version (`model/versions.py` has what differs). Its rules are in `model/`, which the simulation of the tests uses:

- history, queue, output cache, temp files and the number counter live in memory and are gone after a restart;
- pending jobs are listed in heap order, unknown ids are answered by `{}`, an id posted twice runs twice;
- of two sockets under one clientId only the newer receives events, and when either closes the other receives none;
- one socket that does not read stalls the events of all.

Some things differ from the real server. A `client_id` that is no string kills a real one as soon as it sends the first
event, and an `extra_data` that is no object kills the worker of a 0.3.64, so that it takes prompts and never runs them.
Here such a prompt is refused with 400, `invalid_client_id` or `invalid_extra_data`, and nothing is queued. A job that
makes the worker itself fail ends as an error, where a real worker would be gone. A demo as 0.3.64 sends the previews of
samplers, as a real one does with `--preview-method auto`. Assets have another hash than BLAKE3, and cannot be listed.
"""
