"""Properties of this machine and this installation."""
