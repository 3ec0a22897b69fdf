"""Measures the product beside a bare floor on one machine; nothing of the product imports it."""
