"""What a controller manager does and nobody else does here."""
