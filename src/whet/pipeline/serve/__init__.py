"""Load for servers that are started for each run: requests of a file, or a command that sends them."""
