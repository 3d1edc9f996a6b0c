"""Rules that need to see other objects than the one that is written."""
