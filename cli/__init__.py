"""The commands: one click command per file, with little code of its own (installed as masa_cli)."""
