"""The version of this package, which is written into every file."""

VERSION = "0.1.0"
