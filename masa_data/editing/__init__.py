"""Shard files made from shard files: copied, merged, relabeled, thinned out."""
