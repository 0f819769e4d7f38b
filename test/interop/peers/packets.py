"""Answers the first packet of an ethertype on a device (packet(7), SOCK_DGRAM) with one of the same ethertype."""
import socket

from sockets import argument, report

options = argument()
ethertype = options['ethertype']
with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ethertype)) as sock:
    sock.bind((options['device'], ethertype))
    report(bound=True)
    data, _ = sock.recvfrom(2048)
    sock.sendto(b'answer to: ' + data, (options['device'], ethertype, 0, 0, bytes(6)))
