"""How an error of a rule is shown: the line, a caret below the place, what is wrong, what would be right."""

from rich.text import Text

from services.segmentation.rules.errors import RuleError

INDENT = "  "


def complaint(error: RuleError) -> Text:
    """Three lines, without an end of line."""
    line, _, marks = error.caret.partition("\n")
    return Text.assemble(f"{INDENT}{line}\n", (f"{INDENT}{marks}\n", "bold red"), f"{INDENT}{error}")
