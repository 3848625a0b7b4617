"""Measures of a model on labelled films, with intervals, and their figures."""
