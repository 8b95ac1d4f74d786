"""Who may come in, and who sees what. Nothing of it is kept in the gateway: it follows from keys, files and servers.

`login.py` finds out who asks. `private.py` passes their requests on so that each sees and touches only their own work.
Without users all this is out of the way, and everybody who reaches the gateway is one and the same person.
"""
