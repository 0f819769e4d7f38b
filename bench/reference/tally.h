#pragma once

#include <stdint.h>

#include "protocol.h"

// What arrived at a server since its last report. It counts in parts, of which `parts_a_unit` make a unit; parts of an
// unfinished unit stay for the next report, so that the reports add up.
struct tally {
  uint64_t parts_a_unit;
  uint64_t parts;
  double first;  // when, by now()
  double last;
  double cpu;  // by cpu_seconds(), at the last report
};

struct tally start_tally(uint64_t parts_a_unit);

void tally_add(struct tally *tally, uint64_t parts);

// The result so far, and begins anew.
struct result take_tally(struct tally *tally);
