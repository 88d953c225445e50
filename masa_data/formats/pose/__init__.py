"""The .pose format."""
