"""What networks hear and see: from samples and pictures to arrays."""
