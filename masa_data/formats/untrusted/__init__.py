"""Files of others, read without believing them."""
