"""Profilers that run inside the program, in executions of their own."""
