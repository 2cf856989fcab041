"""One file or folder per question; each returns a frozen report."""
