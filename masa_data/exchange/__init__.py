"""Other people's keypoints and labels in."""
