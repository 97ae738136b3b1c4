"""What somebody on site may ask of the running agent, over a Unix socket in its data folder.

One connection is one request: a line of JSON there, a line of JSON back, ``{"ok": true, "result": …}`` or
``{"ok": false, "error": "a sentence"}``. Only root and the user the agent runs as are answered.
"""
