"""Measurements of pose tracks: quality, motion, suspicious clips and near-duplicates."""
