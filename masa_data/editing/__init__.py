"""Editing of shard files: copying, merging, relabeling, subsampling."""
