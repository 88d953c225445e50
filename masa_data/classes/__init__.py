"""Which sign a clip shows, and which split it belongs to."""
