"""From YAML to `model.manifest.Manifest`: bytes, nodes with their lines, the schema, and what the words mean."""
