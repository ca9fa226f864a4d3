"""Emitters: from the IR to SQL, fetch plans and Python transforms."""
