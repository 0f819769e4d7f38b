#pragma once

// The first include of every file: what Linux has beyond C11 (accept4, sendmmsg, clock_gettime ...), however the
// compiler is called.
#define _GNU_SOURCE
