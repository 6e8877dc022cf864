"""The archive on Apache Cassandra: any number of processes store, any number read.

The way of a sample. `append` writes the batches, as they came, to the writer's own **journal**; when it returns, every reader sees them.
Within a minute the writer **folds** a full part of its journal into slabs of several points (the open tier). When a window of the class's
chunk length is over, one process at a time **seals** it: one chunk per point and window, in partitions of a point and a stretch of time
that is chosen by the point's rate. What a source's tiers hold is said by one row, its **root**, that is changed by lightweight
transactions only: every step is written first and becomes valid with the root, so that a process may die or freeze anywhere.
"""
