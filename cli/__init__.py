"""The commands, one thin click command a file (installed as masa_cli)."""
