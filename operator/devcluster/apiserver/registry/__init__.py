"""Create, update, patch and delete: the semantics that every kind shares."""
