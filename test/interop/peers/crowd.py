"""Many Unix stream connections at a time.
role 'connect': opens `count` connections, echoes a message over each, and waits for a line on stdin to close them.
role 'listen': accepts and echoes, until `count` connections have come and gone.
"""
import resource
import select
import socket
import sys

from sockets import address_of, argument, bound, name_of, open_socket, report

options = argument()
address = options['address']
count = options['count']
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def crowd():
    clients = []
    for number in range(count):
        sock = open_socket(address)
        # Blocking, for a full backlog is EAGAIN to any other.
        sock.connect(name_of(address))
        sock.settimeout(30)
        sock.sendall(b'%d' % number)
        clients.append(sock)
    for number, sock in enumerate(clients):
        assert sock.recv(64) == b'%d' % number
    report(open=len(clients))
    sys.stdin.readline()
    for sock in clients:
        sock.shutdown(socket.SHUT_WR)
    for sock in clients:
        assert sock.recv(64) == b''
        sock.close()
    report(closed=len(clients))


def serve():
    listener = bound(address)
    listener.listen(4096)
    report(address=address_of(address['scheme'], listener.getsockname()))
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients, gone, most = {}, 0, 0
    while gone < count:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                sock, _ = listener.accept()
                clients[sock.fileno()] = sock
                poll.register(sock, select.EPOLLIN)
                most = max(most, len(clients))
                continue
            data = clients[fd].recv(4096)
            if data:
                clients[fd].sendall(data)
                continue
            poll.unregister(fd)
            clients.pop(fd).close()
            gone += 1
    report(served=gone, most=most)


if options['role'] == 'connect':
    crowd()
else:
    serve()
