"""What tests share: processes, gateways and studios, browsers, and the surroundings of the page and the session."""
