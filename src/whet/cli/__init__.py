"""One file a command: parses, calls the pipeline, prints; nothing else."""
