"""Stream workers side by side: the same backlog of events, drained by Tranche and by what others would write."""
