"""A process of its own that plays the bank, the gateway and the insurer; nothing of the product imports it."""
