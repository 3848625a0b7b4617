"""From pixels to probability, heat map and embedding, by what the model's card says."""
