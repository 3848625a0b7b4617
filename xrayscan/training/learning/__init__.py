"""How a classifier is trained, and how a training survives being stopped."""
