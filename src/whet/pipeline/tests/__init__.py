"""A session of tests: what its processes sampled, as one run and one report."""
