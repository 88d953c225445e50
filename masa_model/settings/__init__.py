"""What can be chosen, with defaults, and how a file, options and old runs are read."""
