"""Text that came from outside, made fit to be written."""


def printable(text: str) -> str:
    """`text` with what UTF-8 cannot carry (lone surrogates) written as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
