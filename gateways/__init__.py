"""One file for each company that carries our SMS or USSD; each speaks only its own wire."""
