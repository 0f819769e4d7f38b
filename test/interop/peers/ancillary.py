"""Receives one datagram with its TTL and TOS, and answers with others of its own."""
import socket

from sockets import report

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('127.0.0.1', 0))
sock.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
sock.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
report(port=sock.getsockname()[1])
_, parts, _, peer = sock.recvmsg(100, 200)
values = {kind: int.from_bytes(data, 'little') for _, kind, data in parts}
report(ttl=values[socket.IP_TTL], tos=values[socket.IP_TOS])
sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 17)
sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x30)
sock.sendto(b'y', peer)
