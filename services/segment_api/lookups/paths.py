"""Where lookups are asked for: the router and the door read it from here alike."""

ONE = "/v1/users/{user_id}/segments"
MANY = "/v1/lookup"
