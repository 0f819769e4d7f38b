"""A listener that never accepts and whose backlog is full; reports where it is, and stays until it is killed."""
import time

from sockets import address_of, argument, bound, open_socket, report

address = argument()['address']
listener = bound(address)
listener.listen(0)
waiting = [open_socket(address) for _ in range(4)]
for client in waiting:
    client.setblocking(False)
    client.connect_ex(listener.getsockname())
time.sleep(0.2)
report(address=address_of(address['scheme'], listener.getsockname()))
time.sleep(600)
