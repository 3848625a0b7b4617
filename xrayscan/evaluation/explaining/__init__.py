"""Heat maps of single films by several methods, and tests of whether they mean anything."""
