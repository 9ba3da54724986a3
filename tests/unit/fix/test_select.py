"""Which findings' edits are made together."""

from whet.fix.edits import apply_edits
from whet.fix.select import rank, select
from whet.model.finding import Edit, Finding, Safety, Speed


def finding(rule, *edits, line=1, speed=Speed.FACTOR, safety=Safety.SAFE):
    return Finding(rule, "a.py", line, line, 0, "<module>", 1, "t", "m", safety, speed, edits=edits)


ONE = finding("one", Edit(1, 0, 1, 2, "x"))


def test_overlapping_findings_give_way_as_a_whole():
    other = finding("other", Edit(1, 1, 1, 3, "y"), Edit(2, 0, 2, 1, "z"))
    third = finding("third", Edit(2, 0, 2, 1, "w"))
    selection = select([ONE, other, third])
    assert selection.taken == (ONE, third)
    assert [(gone.finding, gone.to) for gone in selection.gave_way] == [(other, ONE)]
    assert apply_edits("abc\nd\n", selection.edits) == "xc\nw\n"


def test_the_same_edits_are_made_once_for_both():
    twin = finding("twin", Edit(1, 0, 1, 2, "x"), line=2)
    assert select([ONE, twin]).taken == (ONE, twin)
    assert apply_edits("abc", select([ONE, twin]).edits) == "xc"


def test_the_same_change_as_part_of_others_is_an_overlap():
    assert select([ONE, finding("more", Edit(1, 0, 1, 2, "x"), Edit(1, 3, 1, 3, "!"))]).gave_way


def test_what_is_put_in_at_a_border_or_by_both_is_no_overlap():
    importing = Edit(1, 0, 1, 0, "import a\n")
    before = finding("before", importing, Edit(1, 2, 1, 2, "<"))
    assert select([ONE, before, finding("again", importing, Edit(1, 3, 1, 3, ">"))]).gave_way == ()
    assert select([ONE, finding("inside", Edit(1, 1, 1, 1, "!"))]).gave_way


def test_findings_without_edits_are_no_matter():
    assert select([finding("advice")]).taken == ()


def test_rank_puts_gain_before_safety_before_place():
    ordered = [
        finding("a", speed=Speed.ASYMPTOTIC, safety=Safety.OFFER, line=9),
        finding("b", safety=Safety.SAFE, line=8),
        finding("c", safety=Safety.OBSERVED, line=2),
        finding("c", safety=Safety.OBSERVED, line=3),
        finding("d", speed=Speed.CONSTANT),
    ]
    backwards = ordered[::-1]
    assert sorted(backwards, key=rank) == ordered
