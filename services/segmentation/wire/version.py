"""Every stored value begins with the version of its codec, so that a reader knows whether it understands the rest."""


class UnknownCodec(ValueError):
    """The bytes were written by a version of Tranche that this one cannot read."""


def check_version(what: str, found: int, known: int) -> None:
    """Raises UnknownCodec unless the version found is the one known."""
    if found != known:
        raise UnknownCodec(f"{what} codec {found}; this version reads {known}")
