"""The other end of the signalling, written from the description alone: struct, json and socket.

Its only argument is a JSON object: `call` or `answer` the path of a Unix socket, `send` what it sends, in order: messages as
objects, bytes as hexadecimal digits, so many bytes as a number; with {"wait": type} it waits for a message. It prints what it gets, a line each; pings it answers. The last line is "closed".
"""

import json
import socket
import struct
import sys

plan = json.loads(sys.argv[1])


def exactly(sock, count):
    data = b''
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            return None
        data += part
    return data


def receive(sock):
    header = exactly(sock, 4)
    body = header and exactly(sock, struct.unpack('>I', header)[0])
    return json.loads(body) if body else None


def hear(sock):
    message = receive(sock)
    if message is not None and message['type'] == 'ping':
        send(sock, {'type': 'pong'})
    elif message is not None:
        print(json.dumps(message), flush=True)
    return message


def send(sock, item):
    if isinstance(item, int):
        sock.sendall(b'A' * item)
    elif 'wait' in item:
        while hear(sock)['type'] != item['wait']:
            pass
    elif isinstance(item, str):
        sock.sendall(bytes.fromhex(item))
    else:
        body = json.dumps(item).encode()
        sock.sendall(struct.pack('>I', len(body)) + body)


def meet():
    sock = socket.socket(socket.AF_UNIX)
    if 'call' in plan:
        sock.connect(plan['call'])
        return sock
    sock.bind(plan['answer'])
    sock.listen()
    print(json.dumps('listening'), flush=True)
    return sock.accept()[0]


sock = meet()
if 'answer' in plan:
    message = receive(sock)
    print(json.dumps(message), flush=True)
    send(sock, {'type': 'resume', 'call': message['call'], 'received': 0})
try:
    for item in plan['send']:
        send(sock, item)
except (ConnectionResetError, BrokenPipeError):
    # What was sent had not all been read; what was said to us before that still can be.
    pass
try:
    while hear(sock) is not None:
        pass
except (ConnectionResetError, BrokenPipeError):
    pass
print(json.dumps('closed'), flush=True)
