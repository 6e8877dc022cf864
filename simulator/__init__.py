"""A nine-telescope array that speaks real OPC-UA on loopback: `serve.serve` runs it, `history.history` invents its past.

Both show one world, which is a pure function of a scene (seed and time shift) and of time: `physics/`. `faults` disturbs it by script.
"""
