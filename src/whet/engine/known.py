"""Known facts about builtins and the standard library: return types, and which have no effect."""

from __future__ import annotations

from collections.abc import Mapping

TEXT, BYTES, INT, FLOAT, BOOL = (f"builtins.{name}" for name in ("str", "bytes", "int", "float", "bool"))
LIST, TUPLE, DICT, SET, FROZEN = (f"builtins.{name}" for name in ("list", "tuple", "dict", "set", "frozenset"))
NONE = "builtins.NoneType"


def _make(returned: str, module: str, names: str) -> dict[str, str]:
    return {f"{module}.{name}": returned for name in names.split()}


CONSTRUCTORS = frozenset(
    f"builtins.{name}"
    for name in (
        *("bool", "bytearray", "bytes", "complex", "dict", "enumerate", "filter", "float", "frozenset", "int", "list"),
        *("map", "memoryview", "object", "range", "reversed", "set", "slice", "str", "tuple", "zip"),
    )
) | frozenset(
    (
        *("collections.Counter", "collections.OrderedDict", "collections.defaultdict", "collections.deque"),
        *("decimal.Decimal", "fractions.Fraction", "io.BytesIO", "io.StringIO", "pathlib.Path"),
        *("itertools.chain", "itertools.count", "itertools.cycle", "itertools.repeat", "itertools.islice"),
    )
)
"""Calls whose result is of the called type. ``enumerate`` and similar types are iterators."""

RETURNS: Mapping[str, str] = {
    **_make(TEXT, "builtins", "ascii bin chr format hex input oct repr"),
    **_make(INT, "builtins", "hash id len ord"),
    **_make(BOOL, "builtins", "all any callable hasattr isinstance issubclass"),
    **_make(LIST, "builtins", "dir sorted"),
    **_make(LIST, "re", "findall split"),
    **_make(FLOAT, "math", "atan atan2 cos dist exp fabs fsum hypot log log10 log2 pow sin sqrt tan"),
    **_make(INT, "math", "ceil comb factorial floor gcd isqrt lcm perm"),
    **_make(BOOL, "math", "isclose isfinite isinf isnan"),
    **_make(FLOAT, "time", "monotonic perf_counter process_time time"),
    **_make(TEXT, "os.path", "basename dirname"),
    **_make(BYTES, "binascii", "hexlify unhexlify"),
    **_make(BYTES, "zlib", "compress decompress"),
    "struct.pack": BYTES,
    "glob.glob": LIST,
    "os.listdir": LIST,
    "builtins.vars": DICT,
    "builtins.globals": DICT,
    "builtins.locals": DICT,
    "builtins.divmod": TUPLE,
    "json.dumps": TEXT,
    "os.getcwd": TEXT,
    "pickle.dumps": BYTES,
    "random.random": FLOAT,
    "re.compile": "re.Pattern",
    "re.sub": TEXT,
}
"""Return types of functions."""

_TEXT_TO_TEXT = (
    *("capitalize", "casefold", "center", "expandtabs", "join", "ljust", "lower", "lstrip", "removeprefix"),
    *("removesuffix", "replace", "rjust", "rstrip", "strip", "swapcase", "title", "translate", "upper", "zfill"),
)
_QUESTIONS = (
    *("endswith", "isalnum", "isalpha", "isascii", "isdigit", "islower", "isspace", "istitle", "isupper", "startswith"),
)
_SET_MAKING = ("copy", "difference", "intersection", "symmetric_difference", "union")
_SET_ASKING = ("isdisjoint", "issubset", "issuperset")
METHODS: Mapping[str, Mapping[str, str]] = {
    TEXT: {
        **dict.fromkeys((*_TEXT_TO_TEXT, "format", "format_map"), TEXT),
        **dict.fromkeys((*_QUESTIONS, "isdecimal", "isidentifier", "isnumeric", "isprintable"), BOOL),
        **dict.fromkeys(("count", "find", "index", "rfind", "rindex"), INT),
        **dict.fromkeys(("rsplit", "split", "splitlines"), LIST),
        **dict.fromkeys(("partition", "rpartition"), TUPLE),
        "encode": BYTES,
    },
    BYTES: {
        **dict.fromkeys((name for name in _TEXT_TO_TEXT if name != "casefold"), BYTES),
        **dict.fromkeys(_QUESTIONS, BOOL),
        **dict.fromkeys(("count", "find", "index", "rfind", "rindex"), INT),
        **dict.fromkeys(("rsplit", "split", "splitlines"), LIST),
        **dict.fromkeys(("decode", "hex"), TEXT),
    },
    LIST: {"copy": LIST, "count": INT, "index": INT},
    TUPLE: {"count": INT, "index": INT},
    DICT: {
        "copy": DICT,
        "items": "builtins.dict_items",
        "keys": "builtins.dict_keys",
        "values": "builtins.dict_values",
    },
    SET: {**dict.fromkeys(_SET_MAKING, SET), **dict.fromkeys(_SET_ASKING, BOOL)},
    FROZEN: {**dict.fromkeys(_SET_MAKING, FROZEN), **dict.fromkeys(_SET_ASKING, BOOL)},
    INT: {"bit_length": INT, "bit_count": INT, "conjugate": INT, "to_bytes": BYTES},
    FLOAT: {"is_integer": BOOL, "hex": TEXT},
}
"""Methods of builtin types that change nothing, and what they return."""

ANNOTATIONS: Mapping[str, str] = {
    **{f"typing.{name.capitalize()}": f"builtins.{name}" for name in ("list", "dict", "set", "tuple")},
    **{name: name for name in CONSTRUCTORS},
    "typing.Counter": "collections.Counter",
    "typing.DefaultDict": "collections.defaultdict",
    "typing.Deque": "collections.deque",
    "typing.FrozenSet": FROZEN,
    "typing.Pattern": "re.Pattern",
    "typing.Text": TEXT,
    "re.Pattern": "re.Pattern",
}
"""Concrete types by annotation; abstract ones are no basis for a rewrite."""

IMMUTABLE = frozenset(
    (
        *(TEXT, BYTES, INT, FLOAT, BOOL, NONE, "builtins.complex", "builtins.range"),
        *("decimal.Decimal", "fractions.Fraction", "pathlib.Path", "re.Pattern"),
    )
)
"""Types whose values are immutable, whatever they contain."""

NUMBERS = (BOOL, INT, FLOAT, "builtins.complex")
"""By rank: an operation on two of them gives the later one, and never a bool."""

ITERATORS = frozenset(f"builtins.{name}" for name in ("enumerate", "filter", "generator", "map", "reversed", "zip"))

PURE = frozenset(
    f"builtins.{name}"
    for name in (
        *("abs", "ascii", "bin", "bool", "bytes", "callable", "chr", "complex", "divmod", "float", "format", "hash"),
        *(
            "hex",
            "id",
            "int",
            "isinstance",
            "issubclass",
            "len",
            "oct",
            "ord",
            "pow",
            "range",
            "repr",
            "round",
            "slice",
        ),
        *("str", "type"),
    )
) | frozenset(name for name in RETURNS if name.startswith(("math.", "os.path.")))
"""Functions without effect that do not consume their arguments, for arguments of builtin types."""

PURE_OVER_SEQUENCES = frozenset(
    f"builtins.{name}"
    for name in ("all", "any", "dict", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple")
)
"""Functions without effect, unless their argument is an iterator, which they consume."""
