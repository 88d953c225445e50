"""Tracks as pictures, movies and Rerun recordings."""
