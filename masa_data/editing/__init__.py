"""Shard files made from shard files: copied, merged, relabelled, thinned out."""
