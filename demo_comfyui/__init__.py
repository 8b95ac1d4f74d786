"""Stand-in ComfyUI servers: the protocol of ComfyUI 0.3.64, pictures made with Pillow, no model.

`python -m demo_comfyui --port N` runs one server as its own process. It is a second implementation of what the real
server says and does on the wire, its traps included, so that Mooring can be tried and tested without a GPU:

- history, queue, output cache, temp files and the number counter live in memory and are gone after a restart;
- pending jobs are listed in heap order, unknown ids are answered by `{}`, an id posted twice runs twice;
- of two sockets under one clientId the newer hears everything, and when either closes the other is deaf for ever;
- one socket that does not read stalls the events of all.

One thing is kinder than the real server: a `client_id` that is no string kills a real 0.3.64 as soon as it sends the
first event. Here such a prompt is refused with 400 and the error type `invalid_client_id`, and nothing is queued.
"""
