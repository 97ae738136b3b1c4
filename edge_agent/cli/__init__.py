"""The commands of ``edge-agent``, one file each; heavy parts are imported only by the command that needs them."""
