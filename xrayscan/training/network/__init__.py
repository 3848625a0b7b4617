"""Classifiers: architectures, joints, heat maps, ensembles, and what training starts from."""
