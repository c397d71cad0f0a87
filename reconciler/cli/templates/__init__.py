"""The texts that `reconciler init` writes."""

from __future__ import annotations

from typing import Final

MANIFEST: Final = """\
# yaml-language-server: $schema=manifest.schema.json
# (`reconciler schema > manifest.schema.json` writes that file: your editor then completes and explains every key)
#
# What must be available to whom. Values never stand here: each secret says where its value comes from.
#   reconciler plan     shows what would happen        reconciler apply    does it
#   add --sandbox to try both without an account
version: 1

# Tells this manifest's secrets from those of others: unique for the C1 identity that applies it.
name: my-stack

# The tenant this is meant for. It chooses nothing: signing in elsewhere stops with an error.
# target: {tenant: acme}

# What secrets have that do not say otherwise.
defaults:
  expires_in: 7d            # 30m 6h 7d 2w; from 1h to 30d
  # renew: always           # replace a share before it ends; the default, never, lets it end
  # renew_before: 20%       # how long before: a duration, or a percentage of its life

# Lists of people, written once.
audiences:
  team:
    users:                  # C1 users, by e-mail address or ID
      - ana@example.com
      - bo@example.com

secrets:
  # A text from an environment variable. The value of DB_PASSWORD is what they will read.
  db-password:
    description: primary database, rotated by hand      # for reviewers; not sent
    source: {env: DB_PASSWORD}
    share_with: {audiences: [team]}
    max_views: 5            # all together; 0 is without limit
    # rotate: "2026-11"     # any word: changing it makes a new share

  # A text from a file beside this one, shown as JSON.
  # app-config:
  #   source: {file: app-config.json}
  #   format: json          # plaintext json yaml key_value; changes nothing in the bytes
  #   share_with: {users: [cy@example.com]}

  # A file for somebody outside of C1: they prove the address by a link in an e-mail.
  # partner-cert:
  #   kind: file            # up to 1 GiB; text, the default, up to 60 KiB
  #   source: {file: certs/bundle.p12}      # or {env: PARTNER_P12, encoding: base64}
  #   share_with: {external: [ops@partner.example]}
  #   expires_in: 72h
  #   max_views: 1

# Renaming a secret keeps its share; removing its entry above revokes it.
# moved: [{from: old-name, to: db-password}]
# removed: [{name: legacy, revoke: false}]      # forget it here, and let it live out its time
"""
"""A manifest to start from: it is valid as it stands, and with its commented parts switched on."""

GITIGNORE: Final = """\
# reconciler: lock, journal, key and sandbox of this machine
.reconciler/
"""
"""Lines that belong into .gitignore, beside the manifest."""
