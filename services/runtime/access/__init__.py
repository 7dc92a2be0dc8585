"""Who may come in: API keys with scopes, checked in front of every service."""
