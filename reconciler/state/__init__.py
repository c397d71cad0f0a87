"""From `model.state.State` to bytes and back: the state file, the journal, the ledger that folds it, the tags."""
