"""Frames in, 49 keypoints out."""
