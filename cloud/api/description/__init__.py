"""What the API serves, as tables. The OpenAPI document and docs/twilio.md are made of them; tests hold them true."""
