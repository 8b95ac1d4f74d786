"""What several benchmarks use: reports, browsers, presses, and the servers and load processes beside them."""
