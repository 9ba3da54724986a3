"""Times the requests of a server, by route, at the border between the server and the application."""
