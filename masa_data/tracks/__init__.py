"""Pose tracks: the 49-keypoint skeleton, the track of a clip, and its provenance."""
