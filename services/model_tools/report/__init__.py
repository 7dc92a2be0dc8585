"""What a trained model looks like: one page for people, the same tables on the terminal, the pictures as files."""
