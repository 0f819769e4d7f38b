"""Connects and sends one message, as another user where `uid` says so; then waits for the end of a stream."""
import os

from sockets import argument, connection

options = argument()
if 'uid' in options:
    os.setuid(options['uid'])
with connection(options) as sock:
    try:
        sock.send(b'hello')
        if options['address']['scheme'] == 'unix':
            sock.recv(100)
    except (BrokenPipeError, ConnectionResetError):
        pass
