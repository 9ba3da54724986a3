"""One file a profile format: reads it and, where that makes sense, writes it."""
