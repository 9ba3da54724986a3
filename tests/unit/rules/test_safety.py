"""What makes a rewrite an offer: code elsewhere that could make it visible."""

import pytest

from whet.engine.check import examine
from whet.engine.loading import load_rules
from whet.model.finding import Safety

RULES = {module.rule.slug: module for module in load_rules()}


def safety_of(slug, code, *, hot=False):
    (finding,) = examine(RULES[slug], code, hot=hot)
    assert finding.edits
    return finding.safety


IN_LOOP = "def f(xs):\n    found = []\n    for x in xs:\n        y = f'<{{x}}>'\n        {}\n    return found\n"


@pytest.mark.parametrize(
    ("slug", "imports", "line", "literal"),
    [
        ("regex-compile", "import re\n", "found.append(re.search({}, y))", "'a+'"),
        ("re-to-str", "import re\n", "found.append(re.sub({}, 'b', y))", "'a'"),
        ("re-to-str", "import re\n", "found.append(re.sub('b', {}, y))", "'a'"),
        ("maxsplit", "", "found.append(y.split({})[-1])", "','"),
        ("removeprefix", "", "found.append(y[:-1] if y.endswith({}) else y)", "'a'"),
        ("startswith-tuple", "", "found.append(y.startswith({}) or y.startswith('b'))", "'a'"),
    ],
)
def test_a_constant_that_others_can_replace_is_an_offer(slug, imports, line, literal):
    assert safety_of(slug, imports + IN_LOOP.format(line.format(literal))) is Safety.SAFE
    named = f"{imports}MARK = {literal}\n{IN_LOOP.format(line.format('MARK'))}"
    assert safety_of(slug, named) is Safety.OFFER


COUNTS = """def f(words, start):
    counts = {make}
    {before}
    for word in words:
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
        {inside}
    {after}
    return counts
"""


@pytest.mark.parametrize(
    ("changed", "safety"),
    [
        ({}, Safety.SAFE),
        ({"make": "dict()", "after": "print(sorted(counts.items()))"}, Safety.SAFE),
        ({"inside": "counts['all'] = 0"}, Safety.SAFE),
        ({"after": "start(counts)"}, Safety.SAFE),
        ({"make": "dict(start)"}, Safety.OFFER),
        ({"make": "{'a': start}"}, Safety.OFFER),
        ({"before": "counts['a'] = start"}, Safety.OFFER),
        ({"before": "counts.update(start)"}, Safety.OFFER),
        ({"before": "other = counts"}, Safety.OFFER),
        ({"inside": "counts['a'] += start"}, Safety.OFFER),
        ({"inside": "start(counts)"}, Safety.OFFER),
        ({"inside": "yield counts"}, Safety.OFFER),
    ],
)
def test_values_that_may_change_in_place_are_counted_by_request(changed, safety):
    parts = {"make": "{}", "before": "pass", "inside": "pass", "after": "pass", **changed}
    assert safety_of("double-lookup", COUNTS.format(**parts)) is safety


def test_a_message_that_is_formatted_later_is_an_offer():
    code = "import logging\ndef f(rows):\n    for row in rows:\n        logging.debug(f'{row!r}')\n"
    assert safety_of("logging-fstring", code) is Safety.OFFER
