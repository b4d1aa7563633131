"""What networks are given: from samples and pictures to arrays."""
