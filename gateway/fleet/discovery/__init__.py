"""Service discovery: servers are looked up in DNS, identified, and added to the gateway's fleet."""
