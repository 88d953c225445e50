"""Complete runs of pre-training and fine-tuning: they read files and write a folder of results."""
