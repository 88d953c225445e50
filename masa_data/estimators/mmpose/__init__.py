"""MMPose: models, weights and batches."""
