"""What the product promises, asked of the whole product through its own doors, on every deployment."""
