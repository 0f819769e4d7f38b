"""One end of a Unix socket that carries descriptors. `mode` is what it does:
send     sends `count` times 5 bytes with two descriptors (the ends of a pipe each), then closes; and reads from the pipes
receive  reads to the end, in pieces, and reports each with the contents of the files that came with it
"""
import os
import socket

from sockets import address_of, argument, bound, connection, report


def send(sock, count):
    readers = []
    for number in range(count):
        read, write = os.pipe()
        socket.send_fds(sock, [b'%05d' % number], [read, write])
        os.close(write)
        readers.append(read)
    if sock.type != socket.SOCK_DGRAM:
        sock.shutdown(socket.SHUT_WR)
    report(sent=count)
    texts = []
    for read in readers:
        text = b''
        while data := os.read(read, 100):
            text += data
        texts.append(text.decode())
        os.close(read)
    report(texts=texts)


def receive(sock):
    pieces = []
    while True:
        data, fds, flags, _ = socket.recv_fds(sock, 100, 253)
        contents = []
        for fd in fds:
            contents.append(os.pread(fd, 100, 0).decode())
            os.close(fd)
        if not data:
            break
        pieces.append({'text': data.decode(), 'files': contents, 'flags': flags & ~socket.MSG_CMSG_CLOEXEC})
    report(pieces=pieces)


def bound_and_reported(options):
    sock = bound(options['address'])
    report(address=address_of(options['address']['scheme'], sock.getsockname()))
    return sock


options = argument()
with bound_and_reported(options) if options['role'] == 'bind' else connection(options) as sock:
    if options['mode'] == 'send':
        send(sock, options['count'])
    else:
        receive(sock)
