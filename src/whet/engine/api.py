"""The interface for rules: they import this module and :mod:`whet.model`, nothing else of whet.

A rule is a module with these names::

    RULE: Rule                its metadata
    detect(context)           yields a Finding for each place, with its rewrite
    CASES: tuple[Case, ...]   code before and after, run on the same inputs
    REFUSE: tuple[Refuse, ...] similar code that is left alone, with the reason
    ADVISE: tuple[Advise, ...] code whose cost is named without an edit (optional)
    BENCH: Bench | None       measures its gain (optional)

and a docstring that is its page.
"""

from __future__ import annotations

from whet.engine import known
from whet.engine.ambiguity import Ambiguity, find_ambiguity
from whet.engine.arrays import Whole, array_state, ask_arrays, range_stop
from whet.engine.context import Context
from whet.engine.copying import TEXTS, Copying, list_copying
from whet.engine.deferring import Loop, is_seen_after_exception
from whet.engine.deques import find_front, may_become_deque, turn_into_deque
from whet.engine.elementwise import is_fixed_count, write_operation
from whet.engine.facts import Facts
from whet.engine.filling import (
    EmptyStart,
    Filling,
    find_empty_list,
    hand_over_all,
    list_fillings,
    rest_on_source,
    write_source,
)
from whet.engine.growing import (
    Growth,
    flatten_sum,
    grow_in_place,
    is_grown,
    is_text,
    list_growths,
    read_addition,
    read_growth,
)
from whet.engine.hashing import UNHASHABLE, adds_hashable, holds_hashable, makes_hashable_list, may_be_hashable
from whet.engine.lists import allows_list, find_new_lists, find_parameter_behind
from whet.engine.patterns import (
    FLAGS_AT,
    Matching,
    fold_text,
    is_one_sign,
    list_matchings,
    read_class,
    read_compiled,
    read_flags,
    read_matching,
)
from whet.engine.pieces import collect_behind_property, collect_in_attribute, collect_in_loop
from whet.engine.places import Place, PlaceKind, Use
from whet.engine.rewrite import Rewrite
from whet.engine.rule import Advise, Bench, Case, Refuse, Rule, Triggers
from whet.engine.scanning import Scan, find_scan
from whet.engine.scopes import Binding, BindingKind, Scope, ScopeKind
from whet.engine.searching import Search, find_search, index_before, index_beside
from whet.engine.sets import (
    build_set_before_loop,
    groups_may_be_sets,
    is_closed,
    keep_set_beside,
    may_become_set,
    turn_groups_into_sets,
    turn_into_set,
)
from whet.engine.summing import ask_numbers, find_summed, is_number, is_read_outside
from whet.engine.targets import (
    Target,
    ask_target,
    is_same_value,
    keeping_loops,
    list_class_bindings,
    meets_again,
    methods_called,
    outlives_call,
    read_target,
    remember,
    shown_types,
)
from whet.model.finding import Ask, Edit, Finding, Frees, Question, Safety, Speed, Speedup

__all__ = [
    "FLAGS_AT",
    "TEXTS",
    "UNHASHABLE",
    "Advise",
    "Ambiguity",
    "Ask",
    "Bench",
    "Binding",
    "BindingKind",
    "Case",
    "Context",
    "Copying",
    "Edit",
    "EmptyStart",
    "Facts",
    "Filling",
    "Finding",
    "Frees",
    "Growth",
    "Loop",
    "Matching",
    "Place",
    "PlaceKind",
    "Question",
    "Refuse",
    "Rewrite",
    "Rule",
    "Safety",
    "Scan",
    "Scope",
    "ScopeKind",
    "Search",
    "Speed",
    "Speedup",
    "Target",
    "Triggers",
    "Use",
    "Whole",
    "adds_hashable",
    "allows_list",
    "array_state",
    "ask_arrays",
    "ask_numbers",
    "ask_target",
    "build_set_before_loop",
    "collect_behind_property",
    "collect_in_attribute",
    "collect_in_loop",
    "find_ambiguity",
    "find_empty_list",
    "find_front",
    "find_new_lists",
    "find_parameter_behind",
    "find_scan",
    "find_search",
    "find_summed",
    "flatten_sum",
    "fold_text",
    "groups_may_be_sets",
    "grow_in_place",
    "hand_over_all",
    "holds_hashable",
    "index_before",
    "index_beside",
    "is_closed",
    "is_fixed_count",
    "is_grown",
    "is_number",
    "is_one_sign",
    "is_read_outside",
    "is_same_value",
    "is_seen_after_exception",
    "is_text",
    "keep_set_beside",
    "keeping_loops",
    "known",
    "list_class_bindings",
    "list_copying",
    "list_fillings",
    "list_growths",
    "list_matchings",
    "makes_hashable_list",
    "may_be_hashable",
    "may_become_deque",
    "may_become_set",
    "meets_again",
    "methods_called",
    "outlives_call",
    "range_stop",
    "read_addition",
    "read_class",
    "read_compiled",
    "read_flags",
    "read_growth",
    "read_matching",
    "read_target",
    "remember",
    "rest_on_source",
    "shown_types",
    "turn_groups_into_sets",
    "turn_into_deque",
    "turn_into_set",
    "write_operation",
    "write_source",
]
