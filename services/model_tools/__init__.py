"""Models on recorded data, before anybody relies on them: what is wrong with one, how it trains, what it looks like."""
