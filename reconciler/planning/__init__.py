"""Every decision, as pure functions: what is desired, what is there, what to do about each, and what to say."""
