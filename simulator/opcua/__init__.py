"""A lean OPC-UA server side on asyncua: an address space that is computed, not built, and notifications encoded in bulk."""
