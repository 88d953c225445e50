"""Tracks as pictures, films and Rerun recordings."""
