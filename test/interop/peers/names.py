"""One short exchange, and what the kernel says about the names of both ends.
role 'listen' or 'bind': takes the name, reports it, waits for a message and answers it.
role 'connect': sends a message from `local`, where that is given, and waits for the answer.
"""
from sockets import address_of, argument, bound, name_of, open_socket, report

options = argument()
address = options['address']
scheme = address['scheme']


def serve():
    sock = bound(address)
    if options['role'] == 'listen':
        sock.listen(1)
    report(address=address_of(scheme, sock.getsockname()))
    if options['role'] == 'listen':
        sock, peer = sock.accept()
        data = sock.recv(1024)
        sock.send(data.upper())
    else:
        data, peer = sock.recvfrom(1024)
        sock.sendto(data.upper(), peer)
    report(received=data.decode(), peer=address_of(scheme, peer))


def ask():
    sock = open_socket(address)
    sock.settimeout(20)
    if 'local' in options:
        sock.bind(name_of(options['local']))
    try:
        sock.connect(name_of(address))
    except ConnectionRefusedError:
        return report(refused=True)
    sock.send(b'ping from python')
    report(answer=sock.recv(1024).decode(), peer=address_of(scheme, sock.getpeername()))


if options['role'] == 'connect':
    ask()
else:
    serve()
