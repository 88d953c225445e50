"""Pose estimators: from frames to 49 keypoints."""
