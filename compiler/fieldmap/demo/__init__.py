"""The demo: three small systems of an enterprise on loopback, and the story that `fieldmap demo` tells with them.

dice       choices that look random and are the same everywhere
names      invented people, firms and places of twelve countries
workers    what the HR system holds
payroll    what the payroll exports
suppliers  what the ERP holds
serving    an HTTP server that starts and stops cleanly
systems    the three systems, running
"""
