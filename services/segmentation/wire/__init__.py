"""What is stored where, and as which bytes: the one contract between the worker that writes and the API that reads."""
