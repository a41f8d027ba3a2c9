"""Output for people on a terminal, made with rich: alerts, the state of scopes, reports, progress.

Text of logs is never trusted: `daemon.core.text.clean` removes escape sequences and control characters.
"""
