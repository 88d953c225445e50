"""Settings of runs: allowed values, defaults, and reading them from files, options and old runs."""
