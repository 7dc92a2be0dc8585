"""What people are called who do something, by the type of the event that tells of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple


class Role(NamedTuple):
    """`buyers of shoes`, `users who do not buy`."""

    people: str
    joined_by: str | None = None
    """To what it is done; None where that comes first, as in `sport readers`."""
    lack: str | None = None
    """What those do who do not."""


USERS = Role("users")
BUYERS = Role("buyers", "of", "do not buy")
READERS = Role("readers", None, "read nothing")
BROWSERS = Role("browsers", "of", "browse nothing")
VIEWERS = Role("viewers", "of", "view nothing")
VISITORS = Role("visitors", "of")
CART_FILLERS = Role("cart fillers", "with", "fill no cart")
_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("purchase", "purchased", "order", "buy", "bought", "transaction", "checkout", "sale"), BUYERS),
    **dict.fromkeys(("cart", "basket", "addtocart"), CART_FILLERS),
    **dict.fromkeys(("article", "read", "story", "news", "page", "pageview"), READERS),
    **dict.fromkeys(("product", "item", "view", "browse"), VIEWERS),
    **dict.fromkeys(("video", "watch", "play", "stream", "movie", "episode"), Role("watchers", "of", "watch nothing")),
    **dict.fromkeys(("listen", "song", "track", "podcast"), Role("listeners", "to", "hear nothing")),
    **dict.fromkeys(("search", "query"), Role("searchers", "for", "search nothing")),
    **dict.fromkeys(("click",), Role("clickers", "on", "click nothing")),
    **dict.fromkeys(("comment", "review"), Role("commenters", "on", "comment nothing")),
    **dict.fromkeys(("visit", "session", "login"), VISITORS),
}
"""By a word of the event's type, the first of them that is here."""
COMING = (READERS, BROWSERS, VIEWERS, VISITORS)
"""What everybody does who comes at all."""
_OF_SHOPS = (BUYERS, CART_FILLERS, VIEWERS)
_OF_READING = ("article", "read", "reader", "reading", "magazine")


def role_of(event_type: str, *, shop: bool) -> Role:
    """In a shop, who looks at pages reads nothing."""
    parts = event_type.split("_")
    role = next((_ROLES[part] for part in parts if part in _ROLES), Role(f"{event_type.replace('_', ' ')} users"))
    return BROWSERS if shop and role == READERS and "article" not in parts else role


def lacks_of(people: str) -> Iterator[str]:
    """What is said of others, and never of these. Who looks at pages views something."""
    looked = (VIEWERS,) if people in (READERS.people, BROWSERS.people) else ()
    doing = (role for role in (*_ROLES.values(), BROWSERS) if role.people == people)
    yield from (role.lack for role in (*doing, *looked) if role.lack is not None)


def joined_by(people: str) -> str | None:
    return next((role.joined_by for role in (*_ROLES.values(), BROWSERS) if role.people == people), None)


def is_of_a_shop(event_types: Iterable[str], features: Iterable[str]) -> bool:
    """Unless the marketer's names of features tell of reading."""
    reads = any(word.removesuffix("s") in _OF_READING for name in features for word in name.split("_"))
    return not reads and any(role_of(each, shop=False) in _OF_SHOPS for each in event_types)
