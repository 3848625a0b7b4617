"""One run of ``predict`` or ``check``, from its options to its outputs."""
