"""PYSKL's pickles."""
