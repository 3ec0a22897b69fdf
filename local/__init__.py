"""Runs the whole system on one machine; production never imports it."""
