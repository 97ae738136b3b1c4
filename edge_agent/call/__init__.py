"""One call: its state and its end, the pages that run on it, the legs it dials, the events it reports."""
