"""Our files in the formats of other projects."""
