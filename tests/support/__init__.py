"""What tests share; the folders beside this one mirror the package, or tell one story of the whole program.

strategies, plans, stories   manifests, plans and states: random ones, built ones, one of everything
simulation                   an apply in memory, for the planner's properties
goldens, docs                texts that are compared with files, and the parts of the docs that the program prints
raw_server, certificates     servers that misbehave, and authorities for TLS
syscalls                     a process traced, and made to fail, at its system calls
house                        rooms, floors, arrows and circles, counted over the imports
"""
