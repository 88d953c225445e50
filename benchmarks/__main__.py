"""Run every benchmark, or those named: `python -m benchmarks reading`."""

import sys

from benchmarks import extraction, reading

BENCHMARKS = {"reading": reading.main, "extraction": extraction.main}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}")
        BENCHMARKS[name]()
