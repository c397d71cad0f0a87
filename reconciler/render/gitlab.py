"""GitLab's merge-request widget: `artifacts:reports:terraform`."""

from __future__ import annotations

import json

from reconciler.render.view import View


def render(view: View) -> str:
    """Return the report. GitLab wants all three keys, and calls a replace an update."""
    summary = view.summary
    report = {"create": summary.create, "update": summary.replace, "delete": summary.revoke}
    return json.dumps(report) + "\n"
