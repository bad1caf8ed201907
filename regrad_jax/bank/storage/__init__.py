"""Where a bank's bytes live: folders and buckets, databases, shards and their versions."""
