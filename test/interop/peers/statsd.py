"""A statsd agent on a Unix datagram socket, as dogstatsd is one. Reports its name, then for each line on stdin:
read N   reads datagrams until N counts have come, and reports their sums by metric and the number of datagrams
again    closes its socket; the next line takes the name again, as an agent does that is restarted; reports both
"""
import os
import sys

from sockets import argument, bound, report

options = argument()
sock = bound(options['address'])
report(address=options['address'])


def read(count):
    sums, datagrams, seen = {}, 0, 0
    while seen < count:
        datagrams += 1
        for line in sock.recv(65536).decode().splitlines():
            name, rest = line.split(':', 1)
            value, kind = rest.split('|')[:2]
            assert kind == 'c', line
            sums[name] = sums.get(name, 0) + int(value)
            seen += 1
    report(sums=sums, datagrams=datagrams)


for line in sys.stdin:
    if line.startswith('read'):
        read(int(line.split()[1]))
    else:
        sock.close()
        os.unlink(options['address']['path'])
        report(closed=True)
        sys.stdin.readline()
        sock = bound(options['address'])
        report(address=options['address'])
