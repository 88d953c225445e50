"""The recipes of masa-study, one TOML file each. They are found by name with `importlib.resources`."""
