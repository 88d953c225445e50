"""Speed and memory of the main jobs, as ratios within one run: `make bench`."""
