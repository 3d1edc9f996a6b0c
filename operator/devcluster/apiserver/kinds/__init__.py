"""The kinds that the server knows, and what is special about each."""
