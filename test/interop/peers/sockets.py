"""What the peers share: their argument, their sockets, and how they report to the test."""
import json
import socket
import sys

TYPES = {
    'tcp': socket.SOCK_STREAM,
    'udp': socket.SOCK_DGRAM,
    'unix': socket.SOCK_STREAM,
    'unixgram': socket.SOCK_DGRAM,
    'unixpacket': socket.SOCK_SEQPACKET,
}


def argument():
    return json.loads(sys.argv[1])


def report(**fields):
    print(json.dumps(fields), flush=True)


def open_socket(address):
    """A socket of the address's family and type."""
    if 'host' in address:
        family = socket.AF_INET6 if ':' in address['host'] else socket.AF_INET
    else:
        family = socket.AF_UNIX
    return socket.socket(family, TYPES[address['scheme']])


def name_of(address):
    """The address as Python's bind and connect take it."""
    if 'host' in address:
        return (address['host'], address['port'])
    if 'abstract' in address:
        return b'\0' + bytes.fromhex(address['abstract'])
    return address['path']


def address_of(scheme, name):
    """A name that the kernel reported, in the shape of the addresses above; None for an unnamed socket."""
    if isinstance(name, tuple):
        return {'scheme': scheme, 'host': name[0], 'port': name[1]}
    if isinstance(name, bytes) and name.startswith(b'\0'):
        return {'scheme': scheme, 'abstract': name[1:].hex()}
    return {'scheme': scheme, 'path': name} if name else None


def bound(address):
    """A socket bound to the address; reports where."""
    sock = open_socket(address)
    sock.bind(name_of(address))
    return sock


def connection(argument):
    """The connected socket that `role` asks for: accepted after a report of where, or connected."""
    address = argument['address']
    if argument['role'] == 'connect':
        sock = open_socket(address)
        sock.connect(name_of(address))
        return sock
    listener = bound(address)
    listener.listen(16)
    report(address=address_of(address['scheme'], listener.getsockname()))
    sock, _ = listener.accept()
    listener.close()
    return sock
