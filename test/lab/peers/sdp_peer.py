"""An SDP server that tells what it is told to. Its argument is a JSON object:
local     the address of the adapter
services  how many services it has, numbered from 0: serial ports on the channels 1, 2 ... 30 and 1 again
piece     how many bytes, or handles of four bytes, go into one response
fault     what is wrong with it, none by default:
          'silent'    it never answers
          'close'     it closes the connection after the first response
          'loop'      the answer begins again with every continuation
          'garbage'   it answers with bytes that mean nothing
          'late'      it answers to the request before the last
It reports {"listening": true}, and after each connection how many requests came.
"""
import json
import socket
import struct
import sys

options = json.loads(sys.argv[1])
fault = options.get('fault')
piece = options.get('piece', 600)


def number(value, size):
    return bytes([1 << 3 | size.bit_length() - 1]) + value.to_bytes(size, 'big')


def uuid(value):
    return b'\x19' + value.to_bytes(2, 'big')


def text(value):
    return bytes([4 << 3 | 5, len(value)]) + value


def sequence(*members):
    data = b''.join(members)
    return b'\x36' + struct.pack('>H', len(data)) + data


def serial_port(index):
    """The attributes of a service by their identifiers."""
    channel = index % 30 + 1
    return {
        0x0000: number(0x10000 + index, 4),
        0x0001: sequence(uuid(0x1101)),
        0x0004: sequence(sequence(uuid(0x0100)), sequence(uuid(0x0003), number(channel, 1))),
        0x0005: sequence(uuid(0x1002)),
        0x0100: text(b'Port %d' % index),
    }


services = [serial_port(index) for index in range(options['services'])]


def wanted(data):
    """The ranges of an attribute list, whose sequence has a length of one byte."""
    end, at = 2 + data[1], 2
    while at < end:
        if data[at] == 0x09:
            yield struct.unpack_from('>H', data, at + 1) * 2
            at += 3
        else:
            yield struct.unpack_from('>HH', data, at + 1)
            at += 5


def attributes(service, ranges):
    inside = [(key, value) for key, value in service.items() if any(low <= key <= high for low, high in ranges)]
    return sequence(*[number(key, 2) + value for key, value in inside])


def matching(pattern):
    """One UUID of two bytes is enough here: every service is a serial port, over L2CAP, in the public browse group."""
    known = {0x1101, 0x0100, 0x0003, 0x1002}
    return services if struct.unpack_from('>H', pattern, 3)[0] in known else []


def answer(pdu, parameters):
    """The whole answer, and the continuation state of the request."""
    if pdu == 4:
        handle = struct.unpack_from('>I', parameters)[0]
        found = [each for each in services if each[0x0000] == number(handle, 4)]
        if not found:
            return None, b''
        whole = attributes(found[0], list(wanted(parameters[6:])))
        state = parameters[6 + 2 + parameters[7]:]
    else:
        length = 2 + parameters[1]
        found = matching(parameters[:length])
        rest = parameters[length + 2:]
        if pdu == 2:
            return [each[0x0000][1:] for each in found], rest
        whole = sequence(*[attributes(each, list(wanted(rest))) for each in found])
        state = rest[2 + rest[1]:]
    return whole, state


def respond(pdu, parameters):
    """The identifier and parameters of the response."""
    whole, state = answer(pdu, parameters)
    if whole is None:
        return 1, struct.pack('>H', 2)
    start = struct.unpack('>H', state[1:])[0] if state[0] == 2 else 0
    step = piece // 4 if pdu == 2 else piece
    part = whole[0:step] if fault == 'loop' else whole[start:start + step]
    after = start + step
    continuation = b'\x02' + struct.pack('>H', after) if after < len(whole) or fault == 'loop' else b'\x00'
    if pdu == 2:
        return 3, struct.pack('>HH', len(whole), len(part)) + b''.join(part) + continuation
    return pdu + 1, struct.pack('>H', len(part)) + part + continuation


def serve(connection):
    """Answers until the peer closes; returns how many requests came."""
    count = 0
    while request := connection.recv(65536):
        count += 1
        pdu, transaction, length = struct.unpack_from('>BHH', request)
        assert length == len(request) - 5, (length, len(request))
        if fault == 'silent':
            continue
        if fault == 'close' and count == 2:
            break
        if fault == 'garbage':
            connection.send(b'\x07\x00\x01garbage')
            continue
        identifier, parameters = respond(pdu, request[5:])
        transaction -= fault == 'late'
        connection.send(struct.pack('>BHH', identifier, transaction, len(parameters)) + parameters)
    return count


with socket.socket(socket.AF_BLUETOOTH, socket.SOCK_SEQPACKET, socket.BTPROTO_L2CAP) as listener:
    listener.bind((options['local'], 1))
    listener.listen(5)
    print(json.dumps({'listening': True}), flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                print(json.dumps({'requests': serve(connection)}), flush=True)
            except ConnectionError:
                print(json.dumps({'lost': True}), flush=True)
