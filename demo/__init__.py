"""Footage for the demo, the tests and the benchmarks, made from what an installed package ships."""
