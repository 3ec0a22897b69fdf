"""A phone to try the product with: in tests and in the browser it speaks the gateway's own dialect to our callbacks."""
