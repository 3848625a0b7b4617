"""Films whose class is known: read from folders and lists, for training and for evaluation."""
