"""What can be said of tracks: quality, motion, clips to look at, near duplicates."""
