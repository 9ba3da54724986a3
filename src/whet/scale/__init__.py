"""How cost grows with the size of the input: from costs measured at several sizes to exponents with intervals."""
