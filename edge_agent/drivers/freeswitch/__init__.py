"""FreeSWITCH as a device: its trunks are channels, commanded by the event socket, heard by SIP on loopback."""
