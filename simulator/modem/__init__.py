"""An AT modem: command interpreter, SIM, radio, messages, calls, USSD. Sans I/O: bytes in, bytes out, a clock."""
