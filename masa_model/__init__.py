"""Recognisers that learn from pose tracks."""
