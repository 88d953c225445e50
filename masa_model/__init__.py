"""MASA: pre-training on pose tracks, and the recogniser that comes of it."""
