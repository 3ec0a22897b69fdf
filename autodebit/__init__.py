"""The work with banks: asks mandates, plans the month, collects; it alone calls a bank, never inside a transaction."""
