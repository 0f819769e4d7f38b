"""A D-Bus service that takes and gives descriptors, on the bus whose address is the first argument. Prints a line once it is
there. Every descriptor that it takes or gives is closed again, which `Open` counts.
"""
import os
import sys
import tempfile

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

INTERFACE = 'test.polysocket.Files'
dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.bus.BusConnection(sys.argv[1])


def given(text):
    """A descriptor of a file with this text, as D-Bus sends it: a duplicate of ours."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        return dbus.types.UnixFd(file)


class Files(dbus.service.Object):
    @dbus.service.method(INTERFACE, in_signature='sh', out_signature='s')
    def Read(self, prefix, descriptor):
        with os.fdopen(descriptor.take()) as file:
            return prefix + file.read()

    @dbus.service.method(INTERFACE, in_signature='hs', out_signature='')
    def Write(self, descriptor, text):
        with os.fdopen(descriptor.take(), 'w') as file:
            file.write(text)

    @dbus.service.method(INTERFACE, in_signature='as', out_signature='ah')
    def Make(self, texts):
        return [given(text) for text in texts]

    @dbus.service.method(INTERFACE, in_signature='', out_signature='i')
    def Open(self):
        return len(os.listdir('/proc/self/fd')) - 1


name = dbus.service.BusName(INTERFACE, bus)
Files(bus, '/files')
print('there', flush=True)
GLib.MainLoop().run()
