"""The C1 API: the tenant's calls as methods, its JSON as our nouns, and uploads."""
