"""Posts `requests` bodies over one connection to the socket at `path`, where each comes back as it is."""
import http.client
import socket

from sockets import argument, report


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(options['path'])


options = argument()
connection = Connection('polysocket.test')
for number in range(options['requests']):
    body = b'body %d ' % number * (number % 100)
    connection.request('POST', f'/{number}', body)
    response = connection.getresponse()
    answer = response.read()
    assert response.status == 200 and answer == body, (number, response.status, len(answer))
report(answered=options['requests'])
