"""Selection of the signer among the people in a video."""
