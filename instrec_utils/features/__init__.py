"""What is computed of every video once: the features store, its extraction, embeddings."""
