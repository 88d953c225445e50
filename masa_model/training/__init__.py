"""Training: loops, schedules, checkpoints, run folders and recognizers."""
