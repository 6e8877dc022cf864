"""The embedded bus.

A folder holds one SQLite file per topic (log.py: numbered records, one contiguous stretch) and groups.db (groups.py: how far each
consumer group is, who holds its lease). Each process that opens the folder has one writer thread (writer.py: publishers share commits,
retention follows), one watcher thread (watcher.py: what other processes published, whose lease is free, our own sign of life) and a few
threads that read. Everything else runs in the event loop (bus.py, subscription.py, waiting.py).
"""
