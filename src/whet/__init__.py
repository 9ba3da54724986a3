"""whet: measure a program, advise on what is hot, prove the advice."""

__version__ = "0.1.0"
