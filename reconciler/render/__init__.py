"""A view of a plan as text, markdown, HTML and what pipelines read. Each renderer returns a `str`."""
