"""Names that stay."""
