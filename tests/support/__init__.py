"""What tests share. A helper that a second folder needs moves here.

to run the program
  commandline    a desk: manifest, command line, state and tenant of one test; how a command ended (`Ran`)
  processes      a sandbox, or the command line with its memory measured (`measured`), as a process of its own
  syscalls       a few lines of Python traced, and made to fail, at their system calls
  repositories   git, as somebody

to build values
  plans          manifests, plans and states by hand
  stories        one plan with everything in it, one with nothing
  strategies     random ones, for hypothesis
  simulation     an apply in memory, for the planner's properties

to compare
  goldens        texts with files that somebody has read
  docs           the parts of the docs that the program prints

to misbehave
  raw_server     a server that answers byte by byte
  certificates   authorities for TLS, and what is wrong with a certificate

to measure the package
  house, walks   rooms, floors, arrows, circles and climbs, counted over the source
"""
