"""From stored clips to batches: parts, motion residuals, masks."""
