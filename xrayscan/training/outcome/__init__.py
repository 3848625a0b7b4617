"""What a training leaves: calibration, scorer, card, report."""
