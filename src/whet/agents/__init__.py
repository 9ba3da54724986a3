"""whet for coding agents: the server of ``whet mcp``. Only :mod:`whet.agents.server` needs the extra ``mcp``."""
