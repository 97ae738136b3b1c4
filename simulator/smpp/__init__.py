"""An SMSC's SMPP 3.4 side: what a carrier gives a customer with a contract. Written apart from the agent's codec."""
