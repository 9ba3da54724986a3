"""Which rules a project has, which of them are asked, and what they gain."""
