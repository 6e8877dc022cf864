"""The configuration database: typed YAML documents, every mistake reported at once, revisions, publish and roll back."""

from cdb.compiler import compile
from cdb.examples import example

__all__ = ["compile", "example"]
