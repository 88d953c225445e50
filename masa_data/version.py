"""The version of the tool, written into every file it makes."""

VERSION = "0.1.0"
