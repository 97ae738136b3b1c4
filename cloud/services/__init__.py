"""What the cloud does: calls and messages by their customers' documents, callbacks, speech, files, routes."""
