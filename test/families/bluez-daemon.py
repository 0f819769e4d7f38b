"""Stands in for bluetoothd where a real one cannot be brought to do what a test wants. Takes commands as lines of JSON on
stdin, answers each with a line on stdout:
  add PATH INTERFACE PROPERTIES | change PATH INTERFACE PROPERTIES | remove PATH INTERFACE
  fail MEMBER ERROR     the next calls of MEMBER are answered with this error
  hold MEMBER           the next call of MEMBER is not answered
  ask MEMBER ARGUMENTS  calls the agent: what it answers, or the name of the error
  connect PATH          hands a connection to the profile, echoing what comes
  calls                 the members that were called, with their arguments
  quit
"""
import json
import socket
import sys
import threading

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

TYPES = {'Powered': dbus.Boolean, 'Connected': dbus.Boolean, 'Paired': dbus.Boolean, 'Class': dbus.UInt32,
         'RSSI': dbus.Int16, 'Adapter': dbus.ObjectPath}

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(sys.argv[1])
objects, failures, holds, calls = {}, {}, set(), []
agent, profile = None, None


def typed(properties):
    wrap = lambda key, value: dbus.Array(value, 's') if isinstance(value, list) else TYPES.get(key, lambda v: v)(value)
    return dbus.Dictionary({key: wrap(key, value) for key, value in properties.items()}, 'sv')


class Object(dbus.service.FallbackObject):
    @dbus.service.method('org.freedesktop.DBus.ObjectManager', out_signature='a{oa{sa{sv}}}')
    def GetManagedObjects(self):
        return dbus.Dictionary(
            {path: dbus.Dictionary({name: typed(each) for name, each in interfaces.items()}, 'sa{sv}')
             for path, interfaces in objects.items()}, 'oa{sa{sv}}')

    @dbus.service.signal('org.freedesktop.DBus.ObjectManager', 'oa{sa{sv}}')
    def InterfacesAdded(self, path, interfaces):
        pass

    @dbus.service.signal('org.freedesktop.DBus.ObjectManager', 'oas')
    def InterfacesRemoved(self, path, interfaces):
        pass


def handle(connection, message):
    """Everything but the object manager: answered as the commands say, else with nothing."""
    global agent, profile
    if message.get_type() != 1 or message.get_interface() in ('org.freedesktop.DBus.ObjectManager', None):
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
    member, args = message.get_member(), message.get_args_list()
    if message.get_interface() == 'org.freedesktop.DBus.Introspectable':
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
    calls.append([member, json.loads(json.dumps(args, default=str))])
    if member == 'RegisterAgent':
        agent = bus.get_object(message.get_sender(), args[0], introspect=False)
    if member == 'RegisterProfile':
        profile = bus.get_object(message.get_sender(), args[0], introspect=False)
    if member in holds:
        holds.discard(member)
    elif member in failures:
        connection.send_message(dbus.lowlevel.ErrorMessage(message, failures[member], f'{member} as told'))
    else:
        connection.send_message(dbus.lowlevel.MethodReturnMessage(message))
    return dbus.lowlevel.HANDLER_RESULT_HANDLED


def say(value):
    print(json.dumps(value, default=str), flush=True)


def ask(target, name, member, args):
    target.get_dbus_method(member, name)(
        *args, timeout=5, reply_handler=lambda *reply: say({'reply': list(reply)}),
        error_handler=lambda error: say({'error': error.get_dbus_name()}))


def echo(sock):
    while data := sock.recv(1000):
        sock.sendall(data.upper())


def connect(path):
    ours, theirs = socket.socketpair()
    threading.Thread(target=echo, args=[ours], daemon=True).start()
    ask(profile, 'org.bluez.Profile1', 'NewConnection',
        [dbus.ObjectPath(path), dbus.types.UnixFd(theirs.fileno()), dbus.Dictionary({}, 'sv')])
    theirs.close()


def argument(value):
    return dbus.ObjectPath(value) if isinstance(value, str) and value.startswith('/') else \
        value if isinstance(value, str) else dbus.UInt32(value)


def obey(command, *rest):
    if command == 'add':
        path, name, properties = rest
        objects.setdefault(path, {})[name] = properties
        root.InterfacesAdded(path, {name: typed(properties)})
    elif command == 'change':
        path, name, properties = rest
        objects[path][name].update(properties)
        signal = dbus.lowlevel.SignalMessage(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged')
        signal.append(name, typed(properties), dbus.Array([], 's'), signature='sa{sv}as')
        bus.send_message(signal)
    elif command == 'remove':
        path, name = rest
        objects[path].pop(name)
        root.InterfacesRemoved(path, [name])
    elif command == 'fail':
        failures[rest[0]] = rest[1]
    elif command == 'hold':
        holds.add(rest[0])
    elif command == 'ask':
        ask(agent, 'org.bluez.Agent1', rest[0], [argument(each) for each in rest[1]])
        return
    elif command == 'connect':
        connect(rest[0])
        return
    elif command == 'quit':
        loop.quit()
    say(calls if command == 'calls' else 'done')


def on_line(source, _condition):
    line = source.readline()
    if not line:
        loop.quit()
        return False
    obey(*json.loads(line))
    return True


bus.add_message_filter(handle)
root = Object(bus, '/')
bus.request_name('org.bluez')
loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, on_line)
say('ready')
loop.run()
