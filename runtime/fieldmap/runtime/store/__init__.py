"""The store in PostgreSQL: connecting, transactions with a known outcome, and tables that follow the bundle."""
