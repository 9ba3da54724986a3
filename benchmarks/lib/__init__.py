"""What the benchmarks share: environments, programs, tools, an interleaving runner, tables."""
