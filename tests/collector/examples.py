"""Events and other JSON as clients send them, good and bad."""

from typing import Any

from hypothesis import strategies as st

NOW_MS = 1_732_240_000_123

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)

events = st.fixed_dictionaries(
    {
        "event_id": st.text("ab", min_size=1),
        "user_id": st.text("uv@", min_size=1),
        "type": st.sampled_from(["view", "Buy"]),
    },
    optional={
        "ts": json_values | st.integers(NOW_MS - 10, NOW_MS + 600_000),
        "properties": json_values,
        "consent": json_values,
    },
)


def event(**changes: Any) -> dict[str, Any]:
    return {"event_id": "e-1", "user_id": "u-42", "type": "view", **changes}
