"""The benchmarks: what they can measure without a browser, and how they report."""
