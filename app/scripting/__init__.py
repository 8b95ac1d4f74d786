"""Python of the scripting console: what runs in its worker, beside the page, around the person's own script.

The worker has an interpreter of its own and no way into the page but messages: `wire` writes and reads them, `mooring`
is what a script imports, `runner` runs one, `output` carries what it prints. All of it also runs in CPython; the edge
of the worker is `app/browser/scripting.py`.
"""
