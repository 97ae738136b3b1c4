"""What must survive a power cut: events to be told, commands seen, SMS in both directions, calls that are up.

One SQLite file, one thread. Whatever must happen together is one method of ``Spool`` and so one transaction; the
modules here hold one table family each, as functions of an open connection.
"""

from edge_agent.spool.journal import Taken as Taken
from edge_agent.spool.journal import subject_of as subject_of
from edge_agent.spool.spool import Spool as Spool
from edge_agent.spool.submits import Begun as Begun
from edge_agent.spool.submits import QueuedSms as QueuedSms
