"""TwiML: text in the cloud, values over the tunnel, execution at the edge."""
