"""Keypoint formats of other projects: reading and writing, one module or package per format."""
