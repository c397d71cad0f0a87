"""Pipelines, run as they were written."""
