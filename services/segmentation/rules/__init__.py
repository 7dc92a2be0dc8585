"""The rule language: text to nodes (`parse`), nodes to text (`str`), nodes to intervals (`evaluate`)."""
