"""Labelled films: read, split by patient, checked for leaks, decoded."""
