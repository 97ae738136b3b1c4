"""Signed releases: fetched by the agent, put in place by the updater, taken back by it when they do not work.

Three programs, each with what it needs and no more (docs/decisions, "updates are put in place by another user"): the
**agent** fetches a release and lays it into the inbox; the **updater**, another user, checks it, unpacks it, points the
link to it, has the agent started again, and judges; the **launcher**, which is never updated over the air, starts what
the link points to.
"""
