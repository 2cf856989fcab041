"""One file per question; each returns a frozen report."""
