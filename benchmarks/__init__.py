"""One file per figure: each runs ours and a peer side by side in one run and prints a ratio."""
