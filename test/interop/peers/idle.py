"""The other ends of many sockets at a time. Opens one for each item of its first line on stdin, and reports where. After the next line
it does to each what the item's `state` says, and goes on reading those that are to be read.
"""
import json
import os
import select
import socket
import struct
import sys

from sockets import address_of, name_of, open_socket, report

RESET = struct.pack('ii', 1, 0)


def opened(address):
    sock = open_socket(address)
    if sock.type != socket.SOCK_DGRAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(name_of(address))
    if sock.type != socket.SOCK_DGRAM:
        sock.listen(8)
    return sock


def restarted(sock, address):
    own = address_of(address['scheme'], sock.getsockname())
    sock.close()
    if 'path' in address:
        os.unlink(address['path'])
    return opened(own)


class Peer:
    def __init__(self, item):
        self.id, self.address, self.state = item['id'], item['address'], item['state']
        self.sock = opened(self.address)
        self.connection = None

    def act(self):
        """What `state` says; the socket that is to be read, if any."""
        connection = self.sock
        if self.sock.type != socket.SOCK_DGRAM:
            connection = self.connection = self.sock.accept()[0]
        if self.state == 'reads':
            return connection
        if self.state == 'restarts':
            if self.connection is not None:
                self.connection.close()
            self.sock = restarted(self.sock, self.address)
            return None if self.connection else self.sock
        if self.state == 'ends':
            connection.shutdown(socket.SHUT_WR)
        elif self.state == 'reads no more':
            connection.shutdown(socket.SHUT_RD)
        elif self.state == 'shuts down':
            connection.shutdown(socket.SHUT_RDWR)
        elif self.state == 'sends and closes':
            connection.send(b'unread')
            connection.close()
        elif self.state == 'resets':
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.close()
        elif self.state == 'closes':
            connection.close()
        return None


def acted(peer):
    try:
        return peer.act()
    except OSError:
        # shutdown(2) of an unconnected datagram socket: it is done all the same.
        return None


def read_on(socks):
    poll = select.epoll()
    by_number = {}
    for sock in socks:
        sock.setblocking(False)
        by_number[sock.fileno()] = sock
        poll.register(sock, select.EPOLLIN)
    poll.register(sys.stdin, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            sock = by_number.get(number)
            if sock is None:
                return
            try:
                is_over = sock.recv(65536) == b'' and sock.type != socket.SOCK_DGRAM
            except BlockingIOError:
                continue
            except OSError:
                is_over = True
            if is_over:
                poll.unregister(number)


peers = [Peer(item) for item in json.loads(sys.stdin.readline())['items']]
report(addresses={peer.id: address_of(peer.address['scheme'], peer.sock.getsockname()) for peer in peers})
if not sys.stdin.readline():
    sys.exit()
reading = [sock for sock in map(acted, peers) if sock is not None]
report(acted=len(peers))
read_on(reading)
