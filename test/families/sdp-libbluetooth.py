"""Reads data elements as lines of hexadecimal digits, and answers each as BlueZ's library reads and writes it again."""
import ctypes
import sys

library = ctypes.CDLL('libbluetooth.so.3')


class Buffer(ctypes.Structure):
    """sdp_buf_t of <bluetooth/sdp_lib.h>"""
    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_uint32), ('capacity', ctypes.c_uint32)]


library.sdp_extract_attr.restype = ctypes.c_void_p
library.sdp_extract_attr.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.c_void_p]
library.sdp_gen_pdu.argtypes = [ctypes.POINTER(Buffer), ctypes.c_void_p]

for line in sys.stdin:
    element = bytes.fromhex(line)
    consumed = ctypes.c_int(0)
    parsed = library.sdp_extract_attr(element, len(element), ctypes.byref(consumed), None)
    memory = ctypes.create_string_buffer(len(element) + 4096)
    buffer = Buffer(ctypes.addressof(memory), 0, len(memory))
    if parsed:
        library.sdp_gen_pdu(ctypes.byref(buffer), parsed)
    print(consumed.value, memory.raw[:buffer.size].hex())
