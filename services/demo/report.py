"""What the demo prints of a sampled audience: a table of segments, a few people, and what to try next."""

from rich.console import Console
from rich.table import Table

from services.demo.audience import Audience, SampledUser

BAR_WIDTH = 24
PEOPLE = 4


def show_audience(audience: Audience, console: Console) -> None:
    console.print(_segments(audience))
    console.print(_people(audience))


def show_next_steps(user_id: str, api_url: str, collector_url: str, console: Console, *, with_key: bool) -> None:
    """Commands to try; where a key is needed they take it from the environment, so that it is not on the screen."""
    key = ' -H "X-API-Key: $TRANCHE_API_KEY"' if with_key else ""
    event = f'{{"event_id": "try-1", "user_id": "{user_id}", "type": "purchase", "properties": {{"value": 129.9}}}}'
    console.print("\nTry next, in another terminal:")
    for line in (  # no remark behind a command: some shells would take it for arguments
        f"  curl '{api_url}/v1/users/{user_id}/segments'{key}",
        f"  curl '{collector_url}/v1/events' -d '{event}'",
        f"  curl '{api_url}/v1/users/{user_id}/segments?fields=ids'{key}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _segments(audience: Audience) -> Table:
    total = len(audience.users) or 1
    table = Table(title=f"Segments, in a sample of {len(audience.users):,} users", title_justify="left")
    table.add_column("segment")
    table.add_column("name")
    table.add_column("users", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    for segment_id, users in audience.sizes().most_common():
        bar = "█" * round(BAR_WIDTH * users / total)
        table.add_row(segment_id, audience.names[segment_id], f"{users:,}", f"{users / total:.1%}", bar)
    return table


def _people(audience: Audience) -> Table:
    table = Table(title="A few of them", title_justify="left")
    table.add_column("user")
    table.add_column("is in, and for how long if nothing else happens")
    for user in sorted(audience.users, key=lambda user: -len(user.segments))[:PEOPLE]:
        table.add_row(user.user_id, ", ".join(_membership(segment, user) for segment in user.segments) or "no segment")
    return table


def _membership(segment: dict[str, int | str | None], user: SampledUser) -> str:
    until_ms = segment["until"]
    return f"{segment['id']} ({_left(int(until_ms) - user.at_ms)})" if until_ms else str(segment["id"])


def _left(duration_ms: int) -> str:
    minutes = duration_ms // 60_000
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
