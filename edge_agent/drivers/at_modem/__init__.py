"""Modems that speak AT (27.007, 27.005, V.250) on a serial port.

bytes → ``lines`` → ``engine`` → ``channel`` (transactions) → ``sms`` ``ussd`` ``voice`` ``radio`` → ``modem``
"""
