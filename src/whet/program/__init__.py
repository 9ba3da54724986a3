"""The program under study: how it is named, which interpreter runs it, how it is started."""
