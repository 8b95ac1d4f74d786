"""ComfyUI's protocol, each fact once, for the page (`app`) and the gateway.

Values in, values out: no I/O, no imports but the standard library's. Demo servers and the simulation's server import
at most constants, since a server that encodes with the code that decodes would agree with its mistakes.
"""
