# A peer of another program: peer.py HABIT SCHEME NAME. It connects, does as is its habit, and stays until it is killed,
# for a minute at most. What goes wrong with its socket is no matter: the other end may be closed at any time.
import array, os, socket, sys, time

habit, scheme, name = sys.argv[1:]
SEQPACKET, DGRAM, STREAM = socket.SOCK_SEQPACKET, socket.SOCK_DGRAM, socket.SOCK_STREAM
kind = {"unix": STREAM, "unixpacket": SEQPACKET, "unixgram": DGRAM, "tcp": STREAM}[scheme]
# The first bytes name no flow that is known.
data = bytes(4) + b"peer" * 200


def connect():
    if scheme == "tcp":
        host, port = name.rsplit(":", 1)
        return socket.create_connection((host, int(port)))
    s = socket.socket(socket.AF_UNIX, kind)
    s.connect("\0" + name[1:] if name.startswith("@") else name)
    return s


def flood(s, fds):
    file = os.open("/dev/null", os.O_RDONLY)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file] * fds))]
    for _ in range(4000 // fds):
        s.sendmsg([data[:16]], rights)


def act(s):
    if habit.startswith("flood"):
        flood(s, int(habit[5:]))
    elif habit == "talk":
        for _ in range(200):
            s.sendall(data) if kind == STREAM else s.send(data)
        if scheme in ("unix", "unixpacket"):
            s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1]))])
        s.shutdown(socket.SHUT_WR)
    elif habit == "listen":
        while s.recv(65536):
            pass
    elif habit == "leave":
        s.send(data)
        s.close()


try:
    act(connect())
except OSError:
    pass
time.sleep(60)
