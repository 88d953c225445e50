"""Listing the clips of corpora, folders and CSV lists in a fixed order."""
