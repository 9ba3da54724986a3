"""The words that the stages of whet speak to one another: frozen, without I/O."""
