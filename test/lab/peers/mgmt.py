"""Settings of a controller by the kernel's management interface. Its arguments are the controller's number and settings such
as `le=1`, in this order of effect: le, connectable, advertising. It reports {"done": settings}."""
import sys
import time

from gatt_radio import manage, report

COMMANDS = {'connectable': 0x07, 'le': 0x0d, 'advertising': 0x29}

number, *settings = sys.argv[1:]
for setting in settings:
    name, value = setting.split('=')
    # A controller that has just come up may not be known there yet.
    for attempt in range(50):
        try:
            manage(COMMANDS[name], int(number), bytes([int(value)]))
            break
        except OSError:
            if attempt == 49:
                raise
            time.sleep(0.1)
report(done=settings)
