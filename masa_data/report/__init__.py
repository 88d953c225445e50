"""A report to look at: one self-contained page about a dataset."""
