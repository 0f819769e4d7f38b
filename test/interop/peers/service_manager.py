"""The service manager's end of NOTIFY_SOCKET: reports each message with its sender's process and the descriptors that
came with it. Files are read from their beginning. A barrier's descriptor is closed once a line was read from stdin, as
by a manager that has other things to do first. With `wait` nothing is read until there was a line.
"""
import array
import os
import socket
import stat
import struct
import sys

from sockets import argument, bound, report


def describe(fd):
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return os.pread(fd, 100, 0).decode()
    return 'socket' if stat.S_ISSOCK(os.fstat(fd).st_mode) else 'other'


options = argument()
with bound(options['address']) as sock:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    report(ready=True)
    if options.get('wait'):
        sys.stdin.readline()
    while True:
        data, ancillary, flags, _ = sock.recvmsg(1 << 20, 4096)
        fds = array.array('i')
        pid = None
        for level, kind, content in ancillary:
            if kind == socket.SCM_RIGHTS:
                fds.frombytes(content)
            else:
                pid = struct.unpack('3i', content)[0]
        text = data.decode()
        report(text=text, pid=pid, fds=[describe(fd) for fd in fds])
        if text.startswith('BARRIER'):
            sys.stdin.readline()
        for fd in fds:
            os.close(fd)
