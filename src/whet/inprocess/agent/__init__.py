"""The thread that takes value samples."""
