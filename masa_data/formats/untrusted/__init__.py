"""Reading of files from untrusted sources."""
