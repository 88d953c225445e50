"""Classes and splits of clips."""
