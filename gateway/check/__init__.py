"""The command `serve.py check`."""
