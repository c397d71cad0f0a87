"""The tests. A folder has the name of the room that it tests; `support` is what they share, with a map of its own.

These are stories of the whole program instead:

cli       what a person meets at the command line, in this process and as a process
signin    the same, with every way to sign in, at a tenant on loopback
ci        the pipelines that `init --ci` writes, run on a forge of this machine
trust     what an attacker writes into manifests, repositories, states and answers
leaks     every secret that a run has, looked for in all that the run writes, sends and says
faults    the matrix of docs/reliability.md: processes, networks and disks that fail
fuzz      random lives of a stack
bench     what it costs; no test
(here)    layers and walks of the package, and what the repository promises: docs, examples, policies, wheel

Recovery from a dead run is judged on three levels, and a mistake is sought on the first that can show it. The
*rules* (planning/test_recovery.py) are a function of values: what a journal, a state and a search say, and what is
then adopted, revoked, kept or told; no run and no tenant. The *histories* (fuzz) run the operations in this process
against the sandbox: edits, waits, strangers, faults and deaths at every request, record and save, in any order that
hypothesis finds; after each step the tenant's record must fit what was declared. There it shows whether the rules
together suffice. The *system calls* (faults) run the shipped program as a process: strace kills it before, or fails,
the n-th write, fsync or rename, and a proxy cuts its connections. There it shows whether what the upper levels take
for done is on the disk and on the wire. Who adds a record to the journal or a step to a run touches all three.
"""
