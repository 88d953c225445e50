"""What surrounds the training step: settings, schedules, checkpoints, records."""
