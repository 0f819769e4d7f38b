/** What `polysocket cat --help` says below the options. */
export const CAT_HELP = `
Streams: EOF on stdin ends our direction only; output goes on until the peer ends.
When the peer ends first, what stdin still brings is sent, unless stdin is a terminal.

Messages (udp, unixgram, unixpacket ...): each piece that is read from stdin becomes one message, cut at --size bytes;
with --lines each line does, and each message that arrives is printed as a line. Schemes without connections know no
end: 500 ms (or --idle) after EOF on stdin without an answer it is over; with --bind only --idle, --count or a signal
ends it.

Examples:
  polysocket cat tcp://example.com:80
  polysocket cat --listen unix:/tmp/app.sock > received
  polysocket cat --bind udp://0.0.0.0:5353 --lines
  echo '<13>hello' | polysocket cat --lines unixgram:/dev/log`

/** What `polysocket relay --help` says below the options. */
export const RELAY_HELP = `
Any stream can be relayed to any stream, and any message scheme to any message scheme; a stream has no boundaries to
keep messages apart, so the two do not mix. The end of each direction is passed on by itself where the scheme has a
half close; where it has none, the connection is closed. When one side fails, the other is reset.
Without connections, each sender gets a socket of its own to the target, so that answers find their way back.

SIGINT or SIGTERM: nothing new is taken, what is open may finish (--grace), the counts are printed; a second one cuts.

Examples:
  polysocket relay tcp://127.0.0.1:8080 unix:/run/app.sock
  polysocket relay unixgram:/tmp/log.sock udp://192.0.2.1:514 --progress`
