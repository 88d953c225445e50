"""Files on disk: written whole, locked, hashed, and what the system says of them."""
