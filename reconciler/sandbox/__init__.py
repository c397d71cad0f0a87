"""A C1 tenant on this machine: for trying things out and for tests, no place for real secrets.

It is a second, independent reading of the API: it imports nothing of the client, the uploader or the age
writer, so that a mistake in one of them cannot hide behind the same mistake here. It keeps the private key of
every vault and can therefore prove what a recipient would read, which also means that whoever can read
its data directory can read everything that was ever sent to it.

    serve        two loopback listeners (the API; the host that uploads go to), embedded or in the foreground
    tls          both over TLS, by an authority of one start
    app, blobs   what each listener answers
    vaults, view, search, audit, directory, identities, signin      the rules
    store, eventlog                                                 the data, and the judge's record of effects
    devices      `cone login`, as its public client asks for it
    openapi      requests are checked strictly against the vendor's own description
    bech32, agekeys, ageio                                          the reading side of age
    reader       what a recipient would read
    settings, clock                                                 what can be turned
"""

from __future__ import annotations

from typing import Final

NOTICE: Final = "the sandbox keeps every key on this machine: no place for real secrets"
"""The command line prints this when it makes a sandbox's data, and where one is served."""
