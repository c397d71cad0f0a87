"""Talking HTTP at all, to whomever: one session, what its failures mean, what may be sent again and when."""
