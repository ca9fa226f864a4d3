"""What the generated transforms are made of: exact values, conversions, failures and outcomes."""
