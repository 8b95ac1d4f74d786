"""Python of the scripting console: the code that runs in its worker, beside the page, around the user's script.

The worker has an interpreter of its own and reaches the page only by messages: `wire` writes and parses them, `mooring`
is the module that a script imports, `runner` runs a script, `output` sends its output. All of it also runs in CPython;
the adapter of the worker is `app/browser/scripting.py`.
"""
