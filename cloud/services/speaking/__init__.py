"""Speech engines: what each is told of a text and its markup, and how it is run."""
