"""Answers the questions of rules about values from what was seen at run time."""
