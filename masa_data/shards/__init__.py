"""The file format: one HDF5 file of pose tracks, or an index beside shards (docs/shard-format.md)."""
