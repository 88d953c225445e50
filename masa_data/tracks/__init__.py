"""A clip's pose track: the 49-keypoint skeleton, the track, and where it comes from."""
