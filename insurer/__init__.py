"""BPJS Ketenagakerjaan as a party: what we hand over each day and what comes back."""
