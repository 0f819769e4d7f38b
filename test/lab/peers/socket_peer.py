"""One end of a Bluetooth connection, by Python's own socket module. Its argument is a JSON object:
role      'connect' or 'listen'; a listener reports its port and takes `clients` connections, one after the other
scheme    'rfcomm' or 'l2cap'
local     the address of the adapter
remote    the address of the device, to connect to
port      the channel or PSM; 0 to listen on a free one
mode      what is done with each connection, see the functions below; `bytes` is how many, `size` of how many each
"""
import hashlib
import json
import os
import select
import socket
import sys
import time

options = json.loads(sys.argv[1])
size = options.get('size', 16384)
total = options.get('bytes', 0)
BLOCK = os.urandom((1 << 20) + 65536)


def report(**fields):
    print(json.dumps(fields), flush=True)


def open_socket():
    if options['scheme'] == 'rfcomm':
        return socket.socket(socket.AF_BLUETOOTH, socket.SOCK_STREAM, socket.BTPROTO_RFCOMM)
    return socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP)


def recv(sock):
    """What came; b'' at the end. The kernel reports it as a reset: RFCOMM after all data, L2CAP before what is unread."""
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        if options['scheme'] == 'rfcomm':
            return b''
    try:
        return sock.recv(65536)
    except BlockingIOError:
        return b''


def chunk_at(offset):
    start = offset // size * 4099 % (1 << 20)
    return BLOCK[start:start + min(size, total - offset)]


def transfer(sock, sending, receiving):
    """Sends `sending` bytes while it reads until it has `receiving` of them, or to the end where that is None."""
    sock.setblocking(False)
    sent, got, rest = 0, 0, b''
    ours, theirs = hashlib.sha256(), hashlib.sha256()
    ended = False
    while sent < sending or rest or not (ended or got == receiving):
        if not rest and sent < sending:
            rest = chunk_at(sent)
            ours.update(rest)
            sent += len(rest)
        readers = [] if ended or got == receiving else [sock]
        readable, writable, _ = select.select(readers, [sock] if rest else [], [])
        if readable:
            data = recv(sock)
            theirs.update(data)
            got += len(data)
            ended = not data
        if writable:
            try:
                rest = rest[sock.send(rest):]
            except BlockingIOError:
                pass
    return {'sent': sent, 'sentHash': ours.hexdigest(), 'received': got, 'receivedHash': theirs.hexdigest()}


def echo(sock):
    """Sends back what it reads, message by message, to the end."""
    count = 0
    while data := recv(sock):
        while data:
            data = data[sock.send(data[:size]):]
            count += 1
    report(echoed=count)


def send(sock):
    """Sends `bytes` bytes and closes."""
    report(**transfer(sock, total, 0))


def receive(sock):
    """Reads to the end; tells how long it took from the first byte to the last."""
    select.select([sock], [], [])
    started = time.monotonic()
    done = transfer(sock, 0, None)
    report(**done, seconds=time.monotonic() - started)


def duplex(sock):
    """Sends `bytes` bytes while it reads as many, then waits for a line."""
    report(**transfer(sock, total, total))
    sys.stdin.readline()


def fill(sock):
    """Sends without reading until nothing more is taken for half a second, and closes when a line comes."""
    sock.settimeout(0.5)
    sent = 0
    try:
        while True:
            sent += sock.send(BLOCK[:size])
    except TimeoutError:
        report(sent=sent)
    sys.stdin.readline()


def hold(sock):
    """Says nothing until a line comes."""
    sys.stdin.readline()


def ping(sock):
    """Sends messages of 1 to `bytes` bytes and checks that each comes back as it is."""
    for length in range(1, total + 1):
        message = BLOCK[length:2 * length]
        sock.send(message)
        assert sock.recv(65536) == message, length
    report(answered=total)


modes = {each.__name__: each for each in (echo, send, receive, duplex, fill, hold, ping)}
with open_socket() as sock:
    if options['role'] == 'connect':
        sock.bind((options['local'], 0))
        sock.connect((options['remote'], options['port']))
        report(connected=True)
        modes[options['mode']](sock)
    else:
        sock.bind((options['local'], options['port']))
        sock.listen(16)
        report(port=sock.getsockname()[1])
        for _ in range(options.get('clients', 1)):
            peer, (address, *_) = sock.accept()
            report(accepted=address)
            with peer:
                modes[options['mode']](peer)
