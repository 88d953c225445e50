"""The file format: one HDF5 file of pose tracks, or shards and an index (docs/shard-format.md)."""
