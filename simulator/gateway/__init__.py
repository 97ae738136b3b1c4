"""A multi-channel GSM gateway: SIP and RTP towards the agent, and the management interface of its family."""
