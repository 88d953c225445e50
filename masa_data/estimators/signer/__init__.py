"""Which of the people in a video signs."""
