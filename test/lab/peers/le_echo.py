"""Listens on an LE channel of L2CAP and sends back each message, by nothing but Python. Its argument is a JSON object: local,
the address of the adapter; psm; mtu, the largest message that it takes. It takes one connection, and reports {"listening":
true}, {"accepted": address, "sendMtu"}, and at the end {"echoed": messages, "bytes"}."""
import json
import socket
import struct
import sys

from gatt_radio import AF_BLUETOOTH, bind, report

L2CAP, LE_PUBLIC = 0, 1
SOL_BLUETOOTH, BT_SNDMTU, BT_RCVMTU = 274, 12, 13

options = json.loads(sys.argv[1])
address = bytes.fromhex(options['local'].replace(':', ''))[::-1]
listener = socket.socket(AF_BLUETOOTH, socket.SOCK_SEQPACKET, L2CAP)
bind(listener, struct.pack('<HH6sHBx', AF_BLUETOOTH, options['psm'], address, 0, LE_PUBLIC))
listener.setsockopt(SOL_BLUETOOTH, BT_RCVMTU, struct.pack('<H', options['mtu']))
listener.listen(1)
report(listening=True)
peer, (name, *_) = listener.accept()
report(accepted=name, sendMtu=struct.unpack('<H', peer.getsockopt(SOL_BLUETOOTH, BT_SNDMTU, 2))[0])
count = total = 0
while message := peer.recv(65536):
    peer.send(message)
    count += 1
    total += len(message)
report(echoed=count, bytes=total)
