"""The network: pose embedding, encoder, decoder and momentum semantic alignment."""
