"""UDP messages in runs; udp(7). `do` is 'receive': messages of `windows`, one by one as a receiver gets them that asks for
no runs, or with `gro` as the kernel has them; after each window an answer goes to the sender. Or 'send': runs of
`lengths`, each cut by the kernel at `segment` bytes, the content being a count of bytes; an answer is waited for after each.
"""
import hashlib
import socket
import struct

from sockets import address_of, argument, bound, name_of, report

UDP_SEGMENT = 103
UDP_GRO = 104

options = argument()
sock = bound(options['address'])
sock.settimeout(10)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
if options.get('gro'):
    sock.setsockopt(17, UDP_GRO, 1)
report(address=address_of('udp', sock.getsockname()))


def receive_one():
    """The bytes, the sender, and the length that the kernel says to cut at, 0 for none."""
    if not options.get('gro'):
        data, sender = sock.recvfrom(65536)
        return data, sender, 0
    data, control, _, sender = sock.recvmsg(65536, 64)
    cut = [struct.unpack('=i', value[:4])[0] for level, kind, value in control if (level, kind) == (17, UDP_GRO)]
    return data, sender, cut[0] if cut else 0


def receive():
    lengths = []
    runs = []
    digest = hashlib.sha256()
    for window in options['windows']:
        count = 0
        while count < window:
            data, sender, cut = receive_one()
            parts = [data[at:at + cut] for at in range(0, len(data), cut)] if cut else [data]
            runs.append(len(parts))
            lengths.extend(len(part) for part in parts)
            count += len(parts)
            digest.update(data)
        sock.sendto(b'more', sender)
    report(lengths=lengths, runs=runs, sha256=digest.hexdigest())


def send():
    target = name_of(options['to'])
    at = 0
    for length, segment in options['runs']:
        data = bytes((at + index) % 251 for index in range(length))
        at += length
        sock.sendmsg([data], [(17, UDP_SEGMENT, struct.pack('=H', segment))] if segment else [], 0, target)
        sock.recv(64)
    report(sent=at)


with sock:
    receive() if options['do'] == 'receive' else send()
