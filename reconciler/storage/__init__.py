"""What this machine keeps between runs: durable files, the lock, the key, the journal, and where the state lies."""
