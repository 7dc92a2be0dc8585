"""The words of a rule and where they stand, also of a rule that is broken: nothing is refused here."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

from services.segmentation.rules.complaint import Span

Kind = Literal["text", "unclosed", "number", "word", "symbol", "odd"]
"""`text` is in quotes; `unclosed` begins with a quote and ends with the line; `odd` is a character of no use."""


LINE_END = re.compile(r"\r\n|\r|\n")  # as Python counts lines


class Token(NamedTuple):
    kind: Kind
    text: str
    span: Span


_TOKEN = re.compile(
    r"""
      [\ \t\f\r\n]+ | \\(?:\r\n|[\r\n]) | \#[^\r\n\0\ud800-\udfff]*
    | (?P<text>   (?: [bfu] | r[bf]? | [bf]r )?
                  (?: \"{3}(?:[^\\]|\\.)*?\"{3} | "(?:[^"\\\r\n]|\\(?:\r\n|.))*"
                    | '{3}(?:[^\\]|\\.)*?'{3}   | '(?:[^'\\\r\n]|\\(?:\r\n|.))*' ) )
    | (?P<unclosed> ["'][^\r\n]* )
    | (?P<number> \.?[0-9] (?: e[+-][0-9] | [\w.] )* )
    | (?P<word>   [^\W\d]\w* )
    | (?P<symbol> !==|===|==|!=|<=|>=|<>|=>|=<|&&|\|\||:=|\*\*|//|<<|>>|[-+*/%@&|^~<>=!()\[\]{},:;.] )
    | (?P<odd>    . )
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def tokens(text: str) -> Iterator[Token]:
    """Everything in a text but spaces and comments."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup is not None:
            yield Token(cast("Kind", match.lastgroup), match[0], Span(*match.span()))
