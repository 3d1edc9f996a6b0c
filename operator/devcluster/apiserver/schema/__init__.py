"""What fields an object may have: one form of schema for built-in and custom resources."""
