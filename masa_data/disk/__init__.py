"""Files on disk: atomic writing, locking, hashing, and messages for errors of the operating system."""
