"""The fault suite: every row of the matrix in docs/reliability.md, judged by the tenant's own record.

tenant     the sandbox as a process of its own, with an fsynced event log
proxy      what sits between client and tenant and misbehaves at the n-th request
client     the client as a process: started, traced, killed, made to fail at its n-th system call
scene      one stack on disk: manifest, sources, runs
judge      the invariants I1-I9
crashes    rows C: the process dies, at every step
network    rows H: what the network and the tenant do
disks      rows D: disks, files, locks, identities and keys
sources    rows T and S: clocks, and sources that change
copies, first_key, given_up, by_hand, hints: rows of one story each
matrix     all of them; `python -m tests.faults` runs the whole matrix, pytest a sample of every row
"""
