"""Extraction from videos to shards: the pipeline, the extraction of a clip, and the worker processes."""
