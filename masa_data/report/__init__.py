"""A report on a dataset: one self-contained HTML page."""
