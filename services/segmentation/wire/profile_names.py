"""Names of types, properties and context paths as profiles store them: those that most sites use take a byte."""

KNOWN = (
    *("category", "item_id", "brand", "value", "quantity", "query", "campaign", "channel", "currency", "price"),
    *("context.device.type", "context.device.os", "context.device.browser", "context.device.model"),
    *("context.geo.country", "context.geo.region", "context.geo.city", "context.page.category", "context.page.url"),
    *("page_view", "product_view", "search", "add_to_cart", "remove_from_cart", "purchase", "sign_in", "sign_up"),
    *("ad_click", "impression", "newsletter_click", "view", "click", "age", "gender", "loyalty", "subscriber"),
)
"""Names by their numbers in stored profiles: more may be put at the end, and nothing else may ever change."""


class _Stored(dict[str, int | str]):
    def __missing__(self, name: str) -> str:
        return name


class _Told(dict[int | str, str]):
    def __missing__(self, stored: int | str) -> str:
        if isinstance(stored, str):
            return stored
        raise LookupError("a name that a release to come has put at the end")


STORED = _Stored((name, number) for number, name in enumerate(KNOWN))
"""A name as it is stored."""
TOLD = _Told(enumerate(KNOWN))
"""And back. Raises LookupError."""
