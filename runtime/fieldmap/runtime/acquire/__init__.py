"""Acquiring: what a source says, taken whole and made durable page by page, before anything is decoded for loading.

acquire     the one entry: a resource of a connector, as durable pages
paging      from page to page, with guards against loops
requests    a plan's addresses and headers, with and without secrets
sending     one request until it is answered: retries, tokens, refusals in words
auth        what a request proves itself with
transport   one exchange over HTTP, within bounds
files       folders of files
importer    recorded responses that a user hands over
"""

from fieldmap.runtime.acquire.acquire import acquire

__all__ = ["acquire"]
