"""A device with the Nordic UART service, offered through bluetoothd. Its argument is a JSON object: `adapter`, and `echo`,
whether it sends back what it gets. It reports {"ready": true}, {"subscribed": bool}, and obeys lines on stdin:
send COUNT   notifies of so many bytes, and reports their {"sent", "sha256"}
count        reports {"count", "sha256"} of what has come
disconnect   from everybody
"""
import hashlib
import json
import os
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

options = json.loads(sys.argv[1])
NUS = '6e40000{}-b5a3-f393-e0a9-e50e24dcca9e'
PROPERTIES, MANAGER = 'org.freedesktop.DBus.Properties', 'org.freedesktop.DBus.ObjectManager'
SERVICE, CHARACTERISTIC = 'org.bluez.GattService1', 'org.bluez.GattCharacteristic1'
ADVERTISEMENT = 'org.bluez.LEAdvertisement1'
SIZE, PACE = 180, 20


def report(**fields):
    print(json.dumps(fields), flush=True)


def strings(*values):
    return dbus.Array(values, signature='s')


class Offered(dbus.service.Object):
    def __init__(self, path, interface, **properties):
        super().__init__(bus, path)
        self.path, self.interfaces = dbus.ObjectPath(path), {interface: properties}

    @dbus.service.method(PROPERTIES, in_signature='s', out_signature='a{sv}')
    def GetAll(self, interface):
        return self.interfaces[interface]

    @dbus.service.signal(PROPERTIES, signature='sa{sv}as')
    def PropertiesChanged(self, interface, changed, invalidated):
        pass


class Written(Offered):
    count, hash = 0, hashlib.sha256()

    @dbus.service.method(CHARACTERISTIC, in_signature='aya{sv}')
    def WriteValue(self, value, _):
        self.count += len(value)
        self.hash.update(bytes(value))
        if options.get('echo'):
            notified.notify(bytes(value))


class Notified(Offered):
    @dbus.service.method(CHARACTERISTIC)
    def StartNotify(self):
        report(subscribed=True)

    @dbus.service.method(CHARACTERISTIC)
    def StopNotify(self):
        report(subscribed=False)

    def notify(self, value):
        self.PropertiesChanged(CHARACTERISTIC, {'Value': dbus.Array(value, signature='y')}, [])

    def send(self, data):
        """A value at a time: no radio is as fast as the emulation."""
        self.notify(data[:SIZE])
        if len(data) > SIZE:
            GLib.timeout_add(PACE, self.send, data[SIZE:])


class Application(dbus.service.Object):
    @dbus.service.method(MANAGER, out_signature='a{oa{sa{sv}}}')
    def GetManagedObjects(self):
        return {each.path: each.interfaces for each in (service, written, notified)}


def obey(source, _):
    words = source.readline().split()
    if not words:
        loop.quit()
    elif words[0] == 'send':
        data = os.urandom(int(words[1]))
        notified.send(data)
        report(sent=len(data), sha256=hashlib.sha256(data).hexdigest())
    elif words[0] == 'count':
        report(count=written.count, sha256=written.hash.hexdigest())
    elif words[0] == 'disconnect':
        for path, interfaces in dbus.Interface(bus.get_object('org.bluez', '/'), MANAGER).GetManagedObjects().items():
            if path.startswith(adapter.object_path) and interfaces.get('org.bluez.Device1', {}).get('Connected'):
                dbus.Interface(bus.get_object('org.bluez', path), 'org.bluez.Device1').Disconnect()
    return bool(words)


waiting = ['RegisterApplication', 'RegisterAdvertisement']


def registered():
    waiting.pop()
    if not waiting:
        report(ready=True)


def register(interface, method, path):
    manager = dbus.Interface(adapter, interface)
    none = dbus.Dictionary({}, signature='sv')
    getattr(manager, method)(dbus.ObjectPath(path), none, reply_handler=registered, error_handler=sys.exit)


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
loop = GLib.MainLoop()
bus = dbus.SystemBus()
adapter = bus.get_object('org.bluez', '/org/bluez/' + options['adapter'])
application = Application(bus, '/lab')
service = Offered('/lab/service', SERVICE, UUID=NUS.format(1), Primary=True)
flags = strings(*options.get('properties', ['write', 'write-without-response']))
written = Written('/lab/service/rx', CHARACTERISTIC, UUID=NUS.format(2), Service=service.path, Flags=flags)
notified = Notified('/lab/service/tx', CHARACTERISTIC, UUID=NUS.format(3), Service=service.path, Flags=strings('notify'))
advertisement = Offered('/lab/advertisement', ADVERTISEMENT, Type='peripheral', ServiceUUIDs=strings(NUS.format(1)))
register('org.bluez.GattManager1', 'RegisterApplication', '/lab')
register('org.bluez.LEAdvertisingManager1', 'RegisterAdvertisement', '/lab/advertisement')
GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, obey)
loop.run()
