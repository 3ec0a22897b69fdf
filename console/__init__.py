"""The operators' pages: an application and a process of their own, which nothing that serves callers imports."""
