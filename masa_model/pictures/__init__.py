"""What a run looks like: numbers by functions without matplotlib, drawn by others. Loaded when drawn only."""
