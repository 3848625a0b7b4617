"""One run of ``predict``, from its options to its outputs."""
