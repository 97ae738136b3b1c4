"""The tunnel between an edge and the cloud: one WebSocket, two numbered streets, and what goes beside them.

This package is the whole protocol and owns no loop, clock or socket. ``edge_agent/uplink.py`` and ``cloud/tunnel/``
carry its messages; both are thin.

**Messages.** A text message is one JSON object with a ``type``; a binary message is told by its first byte.

    Hello    {"type":"hello","version","minimum","side","edge","instance","stream","highest","time"}
    Resume   {"type":"resume","stream","applied","mark"}
    Item     {"type":"item","seq","payload"}            an event (up) or a command (down), as ``codec`` writes it
    Ack      {"type":"ack","applied"}                   everything up to here is committed
    Notice   {"type":"notice","payload"}                stale if late, never stored
    Bye      {"type":"bye","code","reason","after"}     the last thing a side says; after: seconds to stay away
    Media    0x01, then frames: stream u16, sequence u8, length code u8, payload
    Bulk     0x02, transfer u32, offset u64, flags u8 (1: last), data

**Greeting.** The edge says Hello first. The cloud looks whether this agent may come in (``edge`` is the one the key
belongs to, no other agent speaks for it) and says Hello or Bye. Each Hello names the sender's own street: its
``stream``, made when the store was made, and ``highest``, the last number given out. Each side answers the other's
Hello with Resume: ``applied`` is the last number of *that* stream it has committed, 0 for a stream it never met. A
side is greeted when it has said Resume and heard Resume. Before that nothing else may be sent; after that everything
may. So one round trip settles both streets, and both sides run the same code.

**Streets.** A sender offers rows above what the peer has applied, in order, at most ``window`` unacknowledged ones at
a time. Numbers may have gaps, for rows are thinned while the line is down; they never go back. The receiver commits
effect and number together, then acknowledges; one Ack stands for all before it. An item not above ``highest`` of the
greeting is *history*: recorded and shown, but it starts no live call.

**An end that went back in time.** A store that was wiped or restored from an older copy has forgotten what it told or
what it was told. The sender finds out when it weighs the peer's Resume (``resync``): by the numbers, and by ``mark``,
the id of the item that the peer applied last, because a restored sender may have given the forgotten numbers to new
items by then. A sender that has forgotten begins a new street, says Bye (``stream``) and greets anew: what it still has
is told again, and the peer knows repetitions by their ids. A receiver that has forgotten is told again what the sender
still has. What neither can know is reported as uncertain by the stores.

**Versions.** Both speak the lower of the two ``version``; if one side's ``minimum`` is above that, it says Bye. A
text or binary type that is unknown is ignored when the peer's version is higher than ours, and a fault otherwise.
Unknown keys are ignored always. A notice whose payload is not understood is told to the owner and ignored, an event
likewise, a command is refused by CommandRejected. What equals its default is not sent. So within a version kinds, words
and fields with a default may be added, and nothing else may change: ``tests/telecore/test_wire.py`` holds version 1.

**Faults.** Whatever arrives, ``receive`` does not raise: a fault becomes Bye with a reason and ``PeerFault``, and
nothing more is read. Limits: 64 kB before the greeting, then 1 MiB of text and 64 kB binary.

**Order on the line.** Media first, then the greeting, notices and acks, then items, then bulk. Items and bulk are
handed out one by one (``Link.paced``), only while the kernel's send queue is short (``gate``): what waits in the
kernel cannot be overtaken. Media that could not leave within 200 ms is dropped and counted; it may add a quarter of a
second to the line's own delay and no more, and an item that waited half a second behind it goes all the same.

**Blobs.** Who wants bytes says BlobWanted(transfer, sha256, offset) with an offset where an earlier transfer broke
off; the answer is bulk frames in order, the last one marked, or BlobMissing. Wrong bytes are asked for once more from
zero.
"""
