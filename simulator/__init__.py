"""A mobile network in a box: operators, prepaid SIMs, handsets with audio, and AT modems on pseudo terminals.

It is the far end. An agent meets it through the very drivers that meet hardware; nothing here imports
`edge_agent` or `cloud`. The network, the handsets and the modems are ordinary synchronous code that is given
a clock (`timing.Timers`); sockets, pseudo terminals and HTTP are at the rim: `ports.py`, `control.py`,
`tunnel_proxy.py`.
"""
