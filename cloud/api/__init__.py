"""Twilio's REST API, version 2010-04-01: read a request, ask a service or the store, render the record."""
