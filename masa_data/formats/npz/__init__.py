"""Keypoints in npz files."""
