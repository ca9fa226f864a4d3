"""Acquiring: what a source says, taken whole and made durable page by page, before anything is decoded for loading.

acquire     the one entry: a resource of a connector, as durable pages and the mark of their end
fetching    pages of HTTP: one sweep, or one for each step of time
paging      a sweep, page by page; going on with one that was interrupted
following   which page comes next, for each kind of paging
guards      what must not come twice, or for ever
newest      which records a parent has, folded over its archive and kept
askers      who asks, as a digest
windows     which part of a source's time a sweep reads
requests    a plan's addresses and headers, with and without secrets
source      a connector as one resource sees it; refusals in words
sending     one request until it is answered
flow        rate limit, budget of repetitions, circuit breaker
auth        what a request proves itself with; tokens, signing
state       what outlives a process: tokens, breakers
transport   one exchange over HTTP, within bounds; addresses: where it may go
connections of HTTP/1.1, in a pool
files       folders of files
importer    recorded responses that a user hands over
"""

from fieldmap.runtime.acquire.acquire import acquire

__all__ = ["acquire"]
