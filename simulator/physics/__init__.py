"""The simulated world as pure functions of time: each takes a frame (moments, site, seed) and whose value is wanted, and gives a column."""
