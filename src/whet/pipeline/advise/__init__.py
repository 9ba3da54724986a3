"""From a saved run to its advice and what is shown of it; two runs compared."""
