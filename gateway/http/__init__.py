"""HTTP and WebSockets: the guard, the proxy, limits, and connections to servers."""
