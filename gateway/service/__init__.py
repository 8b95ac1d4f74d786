"""The command `serve.py service`: Mooring as a service of its user, started at log-in."""
