"""The models of the catalog: reading what they have learned, editing them, going back to an earlier snapshot."""
