"""From what researchers have on disk to an ordered list of clips."""
