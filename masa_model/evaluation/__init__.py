"""What a run is worth: probes, scores, predictions, exports."""
