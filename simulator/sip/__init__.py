"""The SIP and RTP of the simulated gateway: a small user agent, written apart from the agent's own on purpose."""
