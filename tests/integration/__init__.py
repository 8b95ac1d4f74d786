"""The gateway and demo servers over real sockets and as real processes."""
