"""Makes mutants: a module's functions with one small thing wrong in each.

Our own, and neither mutmut nor cosmic-ray: those rewrite files, or a copy of all of them, and begin a session of
tests (Django, migrations, Valkey) for every mutant. Here one warmed process forks (killing.py), so that a mutant
costs what its first failing test costs, and a tree that others are writing in is left alone.

Only what is inside functions is touched: constants of a module are met through the functions that read them.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_NAMES = {"any": "all", "all": "any", "min": "max", "max": "min"}


@dataclass(frozen=True)
class Mutant:
    """`name` says where and what, without line numbers, so that an explanation of it stays true."""

    number: int
    function: str
    before: str
    after: str
    line: int
    tree: ast.Module

    @property
    def name(self) -> str:
        return f"{self.function}: {self.before} → {self.after}"


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module's source."""
    whole, number = ast.parse(source), 0
    for function, path in _functions(whole):
        for node_path, node in _inside(path, _at(whole, path)):
            for replacement in _wrong(node):
                number += 1
                tree = copy.deepcopy(whole)
                _replace(tree, node_path, replacement)
                yield Mutant(
                    number,
                    function,
                    _brief(node),
                    _brief(replacement),
                    getattr(node, "lineno", 0),
                    ast.fix_missing_locations(tree),
                )


Path = tuple[tuple[str, int | None], ...]


def _brief(node: ast.AST | None) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    text = "(nothing)" if node is None or isinstance(node, ast.Pass) else ast.unparse(node)
    return " ".join(text.split())


def _functions(tree: ast.Module) -> Iterator[tuple[str, Path]]:
    """Functions and methods, by their qualified names. Nested ones are inside theirs."""
    for at, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef):
            yield node.name, (("body", at),)
        elif isinstance(node, ast.ClassDef):
            for inner, method in enumerate(node.body):
                if isinstance(method, ast.FunctionDef):
                    yield f"{node.name}.{method.name}", (("body", at), ("body", inner))


def _at(tree: ast.AST, path: Path) -> ast.AST:
    for name, at in path:
        value = getattr(tree, name)
        tree = value if at is None else value[at]
    return tree


def _replace(tree: ast.AST, path: Path, replacement: ast.AST) -> None:
    *above, (name, at) = path
    parent = _at(tree, tuple(above))
    if at is None:
        setattr(parent, name, replacement)
    else:
        getattr(parent, name)[at] = replacement


def _inside(path: Path, node: ast.AST) -> Iterator[tuple[Path, ast.AST]]:
    """What runs, in a function: neither its annotations nor its docstring."""
    for name, value in ast.iter_fields(node):
        if name in (
            "annotation",
            "returns",
            "decorator_list",
            "args" if _is_def(node) else "",
            "type_params",
        ):
            continue
        several = value if isinstance(value, list) else [value]
        for at, child in enumerate(several):
            if not isinstance(child, ast.AST) or _is_docstring(child):
                continue
            here = (*path, (name, at if isinstance(value, list) else None))
            yield here, child
            yield from _inside(here, child)


def _is_def(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _wrong(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901, PLR0912 - a line a way of being wrong
    match node:
        case ast.Compare(left=left, ops=[*ops], comparators=[*rest]):
            for at, op in enumerate(ops):
                for other in _COMPARISONS[type(op)]:
                    yield ast.Compare(left, [*ops[:at], other(), *ops[at + 1 :]], rest)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for at in range(len(values)):
                fewer = [*values[:at], *values[at + 1 :]]
                yield ast.BoolOp(op, fewer) if len(fewer) > 1 else fewer[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(op)](), right)
        case ast.AugAssign(target=target, op=op, value=value):
            yield ast.Pass()
            if type(op) in _OPERATORS:
                yield ast.AugAssign(target, _OPERATORS[type(op)](), value)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str(value)):
            yield ast.Constant(f"X{value}")
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Expr():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
            yield ast.Pass()
        case ast.Raise():
            yield ast.Pass()
        case ast.If(test=test, body=body, orelse=orelse):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.comprehension(target=target, iter=source, ifs=[*ifs]):
            for at in range(len(ifs)):
                yield ast.comprehension(target, source, [*ifs[:at], *ifs[at + 1 :]], 0)
        case ast.List(elts=[_, _, *_] as parts) | ast.Tuple(elts=[_, _, *_] as parts, ctx=ast.Load()):
            for at in range(len(parts)):
                yield type(node)(elts=[*parts[:at], *parts[at + 1 :]], ctx=ast.Load())
        case ast.Dict(keys=[_, *_] as keys, values=values):
            for at in range(len(keys)):
                yield ast.Dict([*keys[:at], *keys[at + 1 :]], [*values[:at], *values[at + 1 :]])
        case ast.Call(func=ast.Name(id=name), args=given, keywords=named) if name in _NAMES:
            yield ast.Call(ast.Name(_NAMES[name], ast.Load()), given, named)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
