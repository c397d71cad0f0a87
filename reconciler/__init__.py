"""Declarative reconciler for C1 paper secrets: plan and apply who can open which secret.

The layers are described in docs/design.md; a test over the imports enforces them.
"""

__version__ = "0.1.0"
