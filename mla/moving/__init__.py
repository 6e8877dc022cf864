"""Everything the platform keeps, from one place to another: between engines, into a backup and back. Only through the ports."""
