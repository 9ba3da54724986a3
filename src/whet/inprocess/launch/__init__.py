"""How whet begins in the program's interpreter, and leaves no trace there."""
