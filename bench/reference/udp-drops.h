#pragma once

#include <stdint.h>

// How many packets the kernel dropped at the UDP socket that is bound to this port, since it was opened: the column
// `drops` of /proc/net/udp, proc_net_udp(5).
uint64_t udp_drops(uint16_t port);
