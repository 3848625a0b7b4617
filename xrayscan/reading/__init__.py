"""From a file to its pixels, on threads or in processes that may hang or crash."""
