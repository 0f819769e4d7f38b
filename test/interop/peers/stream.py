"""One end of a stream. `mode` is what it does:
receive-send  reads to the end, then sends `bytes` random bytes
send-receive  sends `bytes` random bytes and ends its direction, then reads to the end
echo          sends back what it reads, until the end
"""
import hashlib
import os
import socket

from sockets import argument, connection, report

CHUNK = 1 << 16
BLOCK = os.urandom((1 << 20) + CHUNK)


def receive(sock):
    digest, count = hashlib.sha256(), 0
    while data := sock.recv(CHUNK):
        digest.update(data)
        count += len(data)
    return {'bytes': count, 'sha256': digest.hexdigest()}


def send(sock, total):
    digest, count = hashlib.sha256(), 0
    while count < total:
        start = count // CHUNK * 4099 % (1 << 20)
        data = BLOCK[start:start + min(CHUNK, total - count)]
        sock.sendall(data)
        digest.update(data)
        count += len(data)
    sock.shutdown(socket.SHUT_WR)
    return {'bytes': count, 'sha256': digest.hexdigest()}


def echo(sock):
    count = 0
    while data := sock.recv(CHUNK):
        sock.sendall(data)
        count += len(data)
    return count


options = argument()
with connection(options) as sock:
    if options['mode'] == 'receive-send':
        report(received=receive(sock), sent=send(sock, options['bytes']))
    elif options['mode'] == 'send-receive':
        report(sent=send(sock, options['bytes']), received=receive(sock))
    else:
        report(echoed=echo(sock))
