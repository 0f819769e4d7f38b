#pragma once

#include <stddef.h>

// UDP_SEGMENT and UDP_GRO, udp(7): one buffer of many messages of one size goes through the system at once and, if the
// receiver asks for it, arrives as one. The sides of this program agree on how many are in it.

// How many messages of this size are sent at once.
size_t messages_a_packet(size_t size);
