"""The embedded archive: one directory with a journal and open tier (open.db) and immutable files of sealed slabs."""
