"""Controllers that can be connected to over LE, and that advertise the Nordic UART service on demand. Its arguments are the
controllers' numbers. It reports {"ready": [addresses]}, and obeys lines on stdin, each answered by {"done": line}:
advertise NUMBER    until somebody connects
quiet NUMBER
"""
import ctypes
import json
import os
import socket
import struct
import sys
import time

AF_BLUETOOTH, HCI = 31, 1
CHANNEL_RAW, CHANNEL_CONTROL = 0, 3
NO_CONTROLLER = 0xffff
NUS = bytes.fromhex('6e400001b5a3f393e0a9e50e24dcca9e')[::-1]

# Commands of the kernel's management interface, and of the controller: Core specification, volume 4, part E, 7.8.
READ_INFO, SET_POWERED, SET_CONNECTABLE, SET_BONDABLE, SET_LE = 0x04, 0x05, 0x07, 0x09, 0x0d
PARAMETERS, ADVERTISING_DATA, SCAN_RESPONSE_DATA, ENABLE = 0x2006, 0x2008, 0x2009, 0x200a

libc = ctypes.CDLL(None, use_errno=True)


def bind(sock, sockaddr):
    """bind(2) with the bytes of an address that Python cannot express."""
    if libc.bind(sock.fileno(), sockaddr, len(sockaddr)) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def hci_socket(number, channel):
    sock = socket.socket(AF_BLUETOOTH, socket.SOCK_RAW, HCI)
    bind(sock, struct.pack('<HHH', AF_BLUETOOTH, number, channel))
    return sock


def manage(command, number, parameters=b''):
    """The answer of the management interface; raises where it refuses."""
    with hci_socket(NO_CONTROLLER, CHANNEL_CONTROL) as sock:
        sock.settimeout(20)
        sock.send(struct.pack('<HHH', command, number, len(parameters)) + parameters)
        while True:
            event, index, _, about, status = struct.unpack_from('<HHHHB', answer := sock.recv(2048).ljust(9, b'\xff'))
            if event in (1, 2) and index == number and about == command:
                if status != 0:
                    raise OSError(f'management command {command:#x} for hci{number}: status {status}')
                return answer[9:]


class Radio:
    def __init__(self, number):
        self.number = number
        for command in (SET_BONDABLE, SET_LE, SET_CONNECTABLE, SET_POWERED):
            manage(command, number, b'\x01')
        self.address = manage(READ_INFO, number)[:6]
        self.raw = hci_socket(number, CHANNEL_RAW)

    def order(self, command, parameters):
        self.raw.send(struct.pack('<BHB', 1, command, len(parameters)) + parameters)
        time.sleep(.02)

    def advertise(self):
        """By the commands of Bluetooth 4: the emulation keeps the data of the newer ones from who listens with these."""
        service = b'\x02\x01\x06' + bytes([len(NUS) + 1, 0x07]) + NUS
        name = b'\x05\x09lab' + bytes([0x30 + self.number])
        self.quiet()
        self.order(PARAMETERS, struct.pack('<HHBBB6sBB', 0x20, 0x20, 0, 0, 0, bytes(6), 7, 0))
        self.order(ADVERTISING_DATA, bytes([len(service)]) + service.ljust(31, b'\0'))
        self.order(SCAN_RESPONSE_DATA, bytes([len(name)]) + name.ljust(31, b'\0'))
        self.order(ENABLE, b'\x01')

    def quiet(self):
        self.order(ENABLE, b'\x00')


def text(address):
    return ':'.join(f'{byte:02X}' for byte in reversed(address))


def report(**fields):
    print(json.dumps(fields), flush=True)


if __name__ == '__main__':
    radios = {argument: Radio(int(argument)) for argument in sys.argv[1:]}
    report(ready=[text(radio.address) for radio in radios.values()])
    for line in sys.stdin:
        order, number = line.split()
        getattr(radios[number], order)()
        report(done=line.strip())
