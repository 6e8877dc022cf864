"""What happens to samples between the device and the bus."""

from collector.processing.processor import Processor

__all__ = ["Processor"]
