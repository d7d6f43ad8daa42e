"""Side-by-side timings of imgpipe and its peers on the same data in one run: ``python -m benchmarks NAME``."""
