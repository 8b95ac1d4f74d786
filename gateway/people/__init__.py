"""Users: their logins, and what belongs to each. The gateway stores none of it, but derives it from keys and servers.

`login.py` authenticates them. `user_proxy.py` passes their requests on, so that each sees and changes their own work.
An installation without users uses none of this, and each client may do everything.
"""
