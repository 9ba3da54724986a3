"""The module that is put in the other's place: about 10 ms a call."""


def work(number):
    """Do some of everything: arithmetic, a dict, strings, a sort."""
    seen = {}
    for each in range(12_000):
        key = (each * 7919 + number) % 4099
        seen[key] = seen.get(key, 0) + each % 7
    text = ",".join(str(value) for value in sorted(seen.values()))
    return len(text) + text.count("3")
