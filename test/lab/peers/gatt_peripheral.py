"""A device with the Nordic UART service, on a kernel socket of the ATT channel, by nothing but Python. Its argument is a
JSON object:
controller  its number
echo        whether it sends back what it gets
properties  of the characteristic that is written to: 'write', 'writeWithoutResponse' or both, the default
mtu         what it takes, default 247
refuse      ATT requests (numbers) that it answers with an error
ignore      ATT requests that it does not answer
It reports {"ready": address}, {"connected": address}, {"subscribed": true}, {"closed": how many bytes came, "sha256"}. It
obeys lines on stdin:
send COUNT  notifies of so many bytes, and reports their {"sent", "sha256"}
close       disconnects
"""
import hashlib
import json
import os
import select
import socket
import struct
import sys
import time

from gatt_radio import AF_BLUETOOTH, NUS, Radio, bind, report, text

PACE = .005
L2CAP, ATT_CHANNEL, LE_PUBLIC = 0, 4, 1
options = json.loads(sys.argv[1])

# ATT: Core specification, volume 3, part F, 3.4.
ERROR, MTU, FIND_INFORMATION, FIND_BY_VALUE, READ_BY_TYPE = 0x01, 0x02, 0x04, 0x06, 0x08
READ_BY_GROUP, WRITE, COMMAND, NOTIFY = 0x10, 0x12, 0x52, 0x1b
NOT_SUPPORTED, NOT_FOUND = 0x06, 0x0a

SERVICE, CHARACTERISTIC, CONFIGURATION = (struct.pack('<H', uuid) for uuid in (0x2800, 0x2803, 0x2902))
RX, TX = (NUS[:12] + bytes([which]) + NUS[13:] for which in (2, 3))
BITS = {'writeWithoutResponse': 0x04, 'write': 0x08, 'notify': 0x10}


def characteristic(properties, handle, uuid):
    return CHARACTERISTIC, struct.pack('<BH', sum(BITS[each] for each in properties), handle) + uuid


RX_HANDLE, TX_HANDLE, CONFIGURATION_HANDLE = 3, 5, 6
ATTRIBUTES = [
    (SERVICE, NUS),
    characteristic(options.get('properties', ['write', 'writeWithoutResponse']), RX_HANDLE, RX),
    (RX, b''),
    characteristic(['notify'], TX_HANDLE, TX),
    (TX, b''),
    (CONFIGURATION, b'\0\0'),
]
END = len(ATTRIBUTES)


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.mtu = 23
        self.subscribed = False
        self.count, self.hash = 0, hashlib.sha256()

    def serve(self):
        """Until the other side is gone, or stdin says so. Reports what came."""
        try:
            while self.step():
                pass
        except OSError:
            pass
        self.sock.close()
        report(closed=self.count, sha256=self.hash.hexdigest())

    def step(self):
        readable, _, _ = select.select([self.sock, sys.stdin], [], [])
        if self.sock in readable:
            packet = self.sock.recv(1024)
            if not packet:
                return False
            self.handle(packet[0], packet[1:])
        return sys.stdin not in readable or self.obey(sys.stdin.readline().split())

    def obey(self, words):
        if words and words[0] == 'send':
            data = os.urandom(int(words[1]))
            self.notify(data)
            report(sent=len(data), sha256=hashlib.sha256(data).hexdigest())
            return True
        return False

    def notify(self, data):
        room = self.mtu - 3
        for at in range(0, len(data), room):
            # No radio is as fast as the emulation, and what the other side's socket has no room for, the kernel drops.
            time.sleep(PACE)
            self.sock.send(struct.pack('<BH', NOTIFY, TX_HANDLE) + data[at:at + room])

    def handle(self, request, rest):
        if request in options.get('ignore', []):
            return
        if request in options.get('refuse', []):
            return self.fail(request, NOT_SUPPORTED)
        if request == MTU:
            own = options.get('mtu', 247)
            self.mtu = min(own, struct.unpack('<H', rest)[0])
            self.sock.send(struct.pack('<BH', MTU + 1, own))
        elif request in (READ_BY_GROUP, READ_BY_TYPE):
            self.list(request, rest)
        elif request == FIND_INFORMATION:
            self.find_information(rest)
        elif request in (WRITE, COMMAND):
            self.write(request, struct.unpack_from('<H', rest)[0], rest[2:])
        else:
            self.fail(request, NOT_SUPPORTED)

    def fail(self, request, why, handle=0):
        self.sock.send(struct.pack('<BBHB', ERROR, request, handle, why))

    def list(self, request, rest):
        """Attributes of a type, as many of one size as there is room for."""
        first, last = struct.unpack_from('<HH', rest)
        entries = b''
        size = 0
        for handle, (kind, value) in enumerate(ATTRIBUTES, 1):
            if not first <= handle <= last or kind != rest[4:]:
                continue
            group = struct.pack('<H', END) if request == READ_BY_GROUP else b''
            entry = struct.pack('<H', handle) + group + value
            if size not in (0, len(entry)) or len(entries) + len(entry) + 2 > self.mtu:
                break
            size = len(entry)
            entries += entry
        if entries:
            self.sock.send(bytes([request + 1, size]) + entries)
        else:
            self.fail(request, NOT_FOUND, first)

    def find_information(self, rest):
        """Handles and their types, one at a time."""
        first, last = struct.unpack('<HH', rest)
        if first > min(last, END):
            return self.fail(FIND_INFORMATION, NOT_FOUND, first)
        kind = ATTRIBUTES[first - 1][0]
        entry = struct.pack('<H', first) + kind
        self.sock.send(bytes([FIND_INFORMATION + 1, 1 if len(kind) == 2 else 2]) + entry)

    def write(self, request, handle, value):
        if handle == CONFIGURATION_HANDLE:
            self.subscribed = bool(value[0] & 1)
        if handle == RX_HANDLE:
            self.count += len(value)
            self.hash.update(value)
        if request == WRITE:
            self.sock.send(bytes([WRITE + 1]))
        if handle == CONFIGURATION_HANDLE and self.subscribed:
            report(subscribed=True)
        if handle == RX_HANDLE and options.get('echo') and self.subscribed:
            self.notify(value)


radio = Radio(options['controller'])
listener = socket.socket(AF_BLUETOOTH, socket.SOCK_SEQPACKET, L2CAP)
bind(listener, struct.pack('<HH6sHBx', AF_BLUETOOTH, 0, radio.address, ATT_CHANNEL, LE_PUBLIC))
listener.listen(1)
radio.advertise()
report(ready=text(radio.address))
while True:
    readable, _, _ = select.select([listener, sys.stdin], [], [])
    if sys.stdin in readable and not sys.stdin.readline():
        break
    if listener in readable:
        sock, _ = listener.accept()
        report(connected=True)
        Connection(sock).serve()
        radio.advertise()
