"""Keypoints in Parquet files."""
