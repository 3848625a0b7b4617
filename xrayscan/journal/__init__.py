"""What makes a run safe to stop and to repeat."""
