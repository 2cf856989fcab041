"""From a report to a plain document, and from that to a medium."""
