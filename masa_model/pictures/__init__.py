"""Pictures of runs. Some functions compute the numbers without matplotlib, others draw them."""
