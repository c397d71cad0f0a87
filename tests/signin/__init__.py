"""Signing in, people and age suites: the shipped command line against a tenant over real loopback HTTP."""
