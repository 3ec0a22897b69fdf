"""The use cases: plain functions that take a Work, write rows and owe receipts; they never commit, send or wait."""
