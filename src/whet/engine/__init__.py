"""The rule engine: facts from the source, rules, findings."""
