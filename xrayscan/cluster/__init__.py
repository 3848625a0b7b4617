"""``predict`` on the workers of a Dask cluster; Dask is imported inside functions only."""
