"""The built-in rules: one file a rule, and nothing that is not a rule."""
