"""Whole runs: pre-training, fine-tuning and evaluation from files to a folder of results."""
