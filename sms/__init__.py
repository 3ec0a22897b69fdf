"""The SMS desk: sends what is owed, reads what comes in, and answers in one part."""
