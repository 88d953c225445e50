"""The network: embedding, encoder, decoder, momentum alignment."""
