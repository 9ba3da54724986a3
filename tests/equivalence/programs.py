"""Programs made from the source of a case: other code around, between and inside it, none of which knows any rule."""

import ast
import copy

from hypothesis import strategies as st

HEAD = """\
import contextlib

def poke(value=None):
    return WORLD.visit(value)

def keep(value):
    WORLD.kept.append(value)
    return value

"""
"""What the added code uses. ``WORLD`` is given to the program: see ``values.World``."""

CAUGHT = ("Exception", "ValueError", "TypeError", "StopIteration", "(KeyError, TypeError)", "LookupError")
ANNOTATIONS = ("list", "dict", "str", "set", "tuple", "list[str]", "dict[str, int]", "list[list[int]]", "'list'")
OTHERS = {
    int: ("0", "-1", "True", "2.5", "None", "[]", "'a'"),
    str: ("''", "','", "'aa'", "'é'", "b','", "None", "WORD"),
    bytes: ("b''", "'a'"),
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def parse(text):
    return ast.parse(text).body


def bodies(tree):
    """Return the lists of statements in functions and loops, and those of the module."""
    found = [getattr(node, name) for node in ast.walk(tree) for name in ("body", "orelse")
             if isinstance(getattr(node, name, None), list) and getattr(node, name)]  # fmt: skip
    return [body for body in found if isinstance(body[0], ast.stmt)]


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]


def stored(node):
    """Return the names that are bound in ``node``, parameters included, in order."""
    names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
    names += [part.arg for part in ast.walk(node) if isinstance(part, ast.arg)]
    return list(dict.fromkeys(names))


def function_body(draw, tree):
    """Return a list of statements of a function and the names bound in it; nothing if there is no function."""
    found = functions(tree)
    if not found:
        return None, ()
    function = draw(st.sampled_from(found))
    inside = [body for body in bodies(function) if body]
    return draw(st.sampled_from(inside)), stored(function)


def guard(draw, tree):
    """Put some statements in what sees an exception, or is passed on its way."""
    body, names = function_body(draw, tree)
    if not body:
        return
    first = draw(st.integers(0, len(body) - 1))
    last = draw(st.integers(first + 1, len(body)))
    inside = body[first:last]
    shown = f"print({draw(st.sampled_from(names))})" if names and draw(st.booleans()) else "print('caught')"
    caught = draw(st.sampled_from(CAUGHT))
    text = draw(
        st.sampled_from(
            [
                f"try:\n    pass\nexcept {caught}:\n    {shown}",
                f"try:\n    pass\nexcept* {caught} as error:\n    {shown}",
                f"try:\n    pass\nexcept {caught}:\n    raise",
                f"try:\n    pass\nfinally:\n    {shown}",
                f"with contextlib.suppress({caught}):\n    pass",
                f"for _turn in range(2):\n    with contextlib.suppress({caught}):\n        pass",
            ]
        )
    )
    outer = parse(text)[0]
    (outer.body[0] if isinstance(outer, ast.For) else outer).body = inside
    body[first:last] = [outer]
    if draw(st.booleans()) and names:
        body[first + 1 : first + 1] = parse(shown)


def add_statement(draw, tree):
    """Add code that looks at a name, keeps it elsewhere, changes it, hands it over or lets other code run."""
    body, names = function_body(draw, tree)
    if not body or not names:
        return
    name, other = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    text = draw(
        st.sampled_from(
            [
                f"keep({name})",
                f"other = {name}",
                f"print({name})",
                "poke()",
                f"{name} = poke({name})",
                f"{name} = {other}",
                f"other = [{name}]",
                "other.append(0)",
                "other.clear()",
                f"{name} += {other}[:1]",
                f"{name} += [0]",
                f"{name} += 'a'",
                f"{name} |= {{'more': 1}}",
                f"yield {name}",
                f"global {name}",
                f"def peek():\n    return {name}",
                f"keep(lambda: {name})",
                f"class peek:\n    kept = {name}",
                f"del {name}",
                f"{name}: list",
                f"{name} = str({name})",
                f"{name} = [*{name}]",
                f"{name} = {name} or []",
                f"other = lambda: (yield {name})",
                f"assert {name}",
                f"if not {name}:\n    return {other}",
                f"other = WORLD.kept; other.append({name})",
                f"later = ({name}.append(part) for part in 'ab')",
                "next(later, None)",
                f"later = eval; later('{name}.clear()')",
                f"def peek():\n    nonlocal {name}",
            ]
        )
    )
    where = draw(st.integers(0, len(body)))
    body[where:where] = parse(text)


def sites(tree, kinds):
    """Return ``(owner, field, index)`` of each expression of ``kinds`` that is loaded."""
    found = []
    for owner in ast.walk(tree):
        if isinstance(owner, ast.JoinedStr | ast.FormattedValue | ast.MatchValue | ast.MatchMapping):
            continue
        for field, value in ast.iter_fields(owner):
            for index, one in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(one, kinds) and isinstance(getattr(one, "ctx", ast.Load()), ast.Load):
                    if isinstance(owner, ast.arg) or field in ("annotation", "returns", "decorator_list"):
                        continue
                    found.append((owner, field, index if isinstance(value, list) else None))
    return found


def take(site):
    owner, field, index = site
    return getattr(owner, field) if index is None else getattr(owner, field)[index]


def put(site, new):
    owner, field, index = site
    if index is None:
        setattr(owner, field, new)
    else:
        getattr(owner, field)[index] = new


def expression(text, **parts):
    """Parse ``text`` and put nodes in place of the names of ``parts``."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, node):
            return copy.deepcopy(parts[node.id]) if node.id in parts else node

    return Put().visit(ast.parse(text, mode="eval").body)


def replace_expression(draw, tree):
    """Hand an expression through unknown code, show it in a field, or put a part of it elsewhere."""
    found = sites(tree, (ast.Name, ast.Call, ast.ListComp, ast.BinOp, ast.Compare, ast.Subscript, ast.GeneratorExp))
    if not found:
        return
    site = draw(st.sampled_from(found))
    names = stored(tree) or ["poke"]
    text = draw(
        st.sampled_from(
            [
                "poke(HERE)",
                "keep(HERE)",
                'f"{HERE}"',
                'f"{HERE!r:>5}"',
                'f"{HERE=}"',
                "[HERE, HERE]",
                "(HERE, 1)",
                "list(HERE)",
                "tuple(HERE)",
                "set(HERE)",
                "str(HERE)",
                "dict(HERE)",
                "next(HERE)",
                "next(iter(HERE))",
                "sorted(HERE)",
                "len(HERE)",
                "HERE.attribute",
                "HERE[0]",
                "not HERE",
                "(HERE if poke(1) else None)",
                "(lambda: HERE)()",
                "(found := HERE)",
                f"(HERE or {draw(st.sampled_from(names))})",
                "[part for part in HERE]",
                "next(part for part in HERE)",
            ]
        )
    )
    put(site, expression(text, HERE=take(site)))


def replace_name(draw, tree):
    """Read another name of the program instead."""
    found, names = sites(tree, ast.Name), stored(tree)
    if found and names:
        put(draw(st.sampled_from(found)), ast.Name(draw(st.sampled_from(names)), ast.Load()))


def replace_constant(draw, tree):
    found = [site for site in sites(tree, ast.Constant) if type(take(site).value) in OTHERS]
    if found:
        site = draw(st.sampled_from(found))
        put(site, expression(draw(st.sampled_from(OTHERS[type(take(site).value)]))))


def star(draw, tree):
    """Hand over the arguments of a call as a starred list of them."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    if found:
        call = draw(st.sampled_from(found))
        given = [ast.List(call.args, ast.Load())]
        call.args = [ast.Starred(one, ast.Load()) for one in given]


def annotate(draw, tree):
    found = [node for node in ast.walk(tree) if isinstance(node, ast.arg)]
    if found:
        draw(st.sampled_from(found)).annotation = expression(draw(st.sampled_from(ANNOTATIONS)))


def share(draw, tree):
    """Give a value that is assigned a second name, or another owner."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    if not found:
        return
    statement = draw(st.sampled_from(found))
    how = draw(st.sampled_from(["name", "walrus", "keep", "element", "before"]))
    if how == "name":
        statement.targets.append(ast.Name("other", ast.Store()))
    elif how == "walrus":
        statement.value = expression("(other := HERE)", HERE=statement.value)
    elif how == "keep":
        statement.value = expression("keep(HERE)", HERE=statement.value)
    elif how == "element":
        statement.value = expression("(other := [HERE])[0]", HERE=statement.value)
    else:
        statement.value = expression("WORLD.kept or HERE", HERE=statement.value)


def hand_through(draw, tree):
    """Hand a value through unknown code, that may raise, or change what it reaches."""
    found = sites(tree, ast.Name)
    if found:
        site = draw(st.sampled_from(found))
        put(site, expression("poke(HERE)", HERE=take(site)))


CHANGES = (
    *(guard, guard, guard, add_statement, add_statement, replace_expression, replace_expression, hand_through),
    *(hand_through, replace_name, replace_constant, star, annotate, share),
)


@st.composite
def programs(draw, case):
    """Return a program made from a case, or ``None`` where a change made what is no Python."""
    tree = ast.parse(case.before)
    for _ in range(draw(st.sampled_from([1, 2, 2, 3, 3, 4]))):
        draw(st.sampled_from(CHANGES))(draw, tree)
    future, rest = [], []
    for node in tree.body:
        (future if isinstance(node, ast.ImportFrom) and node.module == "__future__" else rest).append(node)
    try:
        text = "\n".join(ast.unparse(ast.fix_missing_locations(node)) for node in rest)
        text = "".join(f"{ast.unparse(node)}\n" for node in future) + HEAD + text + "\n"
        compile(text, "program.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return text
