"""Other projects' keypoint formats: one place each, reading and writing."""
