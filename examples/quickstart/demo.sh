#!/bin/sh
# Declare -> plan -> apply -> "No changes.", on the embedded sandbox. `make demo` runs it; no account is needed.
set -eu
cd "$(dirname "$0")"

# In practice CI or a password manager sets it. It is not a real secret.
export DB_PASSWORD='correct horse battery staple'
# A demo on a build machine is still a demo: show the links.
unset CI

say() { printf '\n$ %s\n' "$*"; "$@"; }

say reconciler sandbox reset
say reconciler --sandbox plan
say reconciler --sandbox apply --auto-approve
say reconciler sandbox view db-password
printf '\n'
say reconciler --sandbox plan
printf '\n# The links lead nowhere: this is a sandbox.\n'
say reconciler --sandbox output
