"""The commands of ``simferry-cloud``, a file for each kind. Each file's ``add`` names its commands to the parser."""
