"""Videos in, shards out: the pipeline, a clip of it, and the processes that run it."""
