/** What `polysocket cat --help` says below the options. */
export const CAT_HELP = `
Streams: EOF on stdin ends our direction only; output goes on until the peer ends.
When the peer ends first, what stdin still brings is sent, unless stdin is a terminal.
Schemes without half close (rfcomm, ble) end both directions at once: when the peer does, or 500 ms (or --idle) without
traffic after EOF on stdin.

Messages (udp, unixgram, unixpacket ...): each piece that is read from stdin becomes one message, cut at --size bytes;
with --lines each line does, and each message that arrives is printed as a line. Schemes without connections know no
end: 500 ms (or --idle) after EOF on stdin without an answer it is over; with --bind only --idle, --count or a signal
ends it.

Examples:
  polysocket cat tcp://example.com:80
  polysocket cat --listen unix:/tmp/app.sock > received
  polysocket cat --bind udp://0.0.0.0:5353 --lines
  echo '<13>hello' | polysocket cat --lines unixgram:/dev/log
  polysocket cat rfcomm://AA:BB:CC:DD:EE:FF/spp
  polysocket cat --listen rfcomm://any/0 --option service=spp`

/** What `polysocket relay --help` says below the options. */
export const RELAY_HELP = `
Any stream can be relayed to any stream, and any message scheme to any message scheme; a stream has no boundaries to
keep messages apart, so the two do not mix. The end of each direction is passed on by itself where the scheme has a
half close; where it has none, the connection is closed: at once when it ends itself, or after 500 ms without traffic
when the other side has ended, so that answers still come through. When one side fails, the other is reset.
Without connections, each sender gets a socket of its own to the target, so that answers find their way back.

SIGINT or SIGTERM: nothing new is taken, what is open may finish (--grace), the counts are printed; a second one cuts.

Examples:
  polysocket relay tcp://127.0.0.1:8080 unix:/run/app.sock
  polysocket relay unixgram:/tmp/log.sock udp://192.0.2.1:514 --progress
  polysocket relay tcp://127.0.0.1:9000 rfcomm://AA:BB:CC:DD:EE:FF/spp
  polysocket relay rfcomm://any/0 tcp://127.0.0.1:22 --listen-option service=spp`

/** What `polysocket compare --help` says below the options. */
export const COMPARE_HELP = `
Shares are 5% or 0.05, times 20ms, 20 or 0.02s. Both ends are in this process, so that one clock measures one way. On a
stream each message has its length before it, in four bytes: that is what the user of a stream has to do, and it counts
as overhead. memory and memorygram lose what they are told to; the others are as they are, and --netem has the kernel
disturb the loopback of tcp and udp, in a network namespace of its own (Linux; as root, or where users may make them).
ble and raw have nothing here to be compared with; they are told why when they are named.

The last column holds what each family declares of itself against what was measured. The exit code is 1 where they
disagree or where a scheme breaks down (an error, or a link that loses nothing and lets nothing through), and 3 where one
that was named, or --netem, does not work here.

In the JSON times are milliseconds, lengths are bytes and shares go from 0 to 1; what was not measured is null or absent.
Without an end it is not printed: after SIGINT only the table is, with the schemes that are done.

Examples:
  polysocket compare
  polysocket compare memory memorygram --loss 10% --delay 50ms
  polysocket compare unixgram udp --size 1200 --interval 1 --json`

/** What `polysocket scan --help` says below the options. */
export const SCAN_HELP = `
A line has the address, the kinds (bredr: classic Bluetooth; le: Low Energy), how strong it is received, the class of
device, the name, and the services that it announces, each by its name or UUID as an address takes it. It is printed
once, with what is known of the device when it is first seen. Without --kind most adapters take turns: some 5 s for le,
then some 5 s for bredr. Needs bluetoothd; no privileges.

Examples:
  polysocket scan
  polysocket scan --kind le --service 6e400001-b5a3-f393-e0a9-e50e24dcca9e --json`

/** What `polysocket services --help` says below the options. */
export const SERVICES_HELP = `
Asks the device itself, by SDP. Needs neither bluetoothd nor privileges nor pairing.

Examples:
  polysocket services AA:BB:CC:DD:EE:FF
  polysocket cat rfcomm://AA:BB:CC:DD:EE:FF/3      (as the table says it; the name of a service does as well: /spp)`
