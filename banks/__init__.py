"""One file for each way a bank can be asked; SNAP's signatures in one place."""
