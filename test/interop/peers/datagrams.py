"""One end of a conversation in messages, as a plan says it: see ../plan.ts, which writes the plan and does the other end.
`do` is 'send' or 'receive'; `role` is 'listen' or 'connect' for sockets that connect, 'bind' for those that do not.
"""
import json
import os

from sockets import address_of, argument, bound, connection, name_of, report

options = argument()
address = options['address']
directory = options['plan']
with open(os.path.join(directory, 'plan.json')) as file:
    plan = json.load(file)
with open(os.path.join(directory, 'pattern'), 'rb') as file:
    pattern = file.read()


def message(index):
    start = index * plan['stride'] % plan['period']
    return pattern[start:start + plan['sizes'][index]]


def receive(sock):
    """Takes one more byte than the largest message has, so that a longer one would show."""
    room = max(plan['sizes']) + 1
    wrong = []
    for first, end in plan['windows']:
        arrived = []
        for _ in range(first, end):
            data, sender = sock.recvfrom(room)
            arrived.append(data)
        expected = [message(index) for index in range(first, end)]
        if not plan['ordered']:
            arrived.sort()
            expected.sort()
        wrong += [first + at for at, data in enumerate(arrived) if data != expected[at]]
        if plan['acknowledge']:
            sock.sendto(b'%d' % end, sender)
    report(received=end, wrong=wrong[:10])


def send(sock):
    target = None if options['role'] != 'bind' else name_of(options['to'])
    for first, end in plan['windows']:
        for index in range(first, end):
            if target is None:
                sock.send(message(index))
            else:
                sock.sendto(message(index), target)
        if plan['acknowledge']:
            assert sock.recv(64) == b'%d' % end
    report(sent=end)


if options['role'] == 'bind':
    sock = bound(address)
    report(address=address_of(address['scheme'], sock.getsockname()))
else:
    sock = connection(options)
sock.settimeout(20)
with sock:
    if options['do'] == 'send':
        send(sock)
    else:
        receive(sock)
