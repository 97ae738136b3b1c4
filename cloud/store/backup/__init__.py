"""Backups: one consistent copy of the store and its files, made while the controller runs, and put back."""
