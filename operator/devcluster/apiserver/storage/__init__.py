"""Objects in memory with one revision counter, a bounded history and a journal on disk."""
