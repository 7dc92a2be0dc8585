"""The one door to Python's own parser: a text becomes a tree, and is never run."""

import ast
import warnings


def tree_of(text: str) -> ast.expr:
    """The expression that a text is. Raises SyntaxError, ValueError, RecursionError and MemoryError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hints about Python code, which a rule is not
        return ast.parse(text, mode="eval").body
