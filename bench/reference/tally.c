#include "features.h"

#include "tally.h"

#include "clock.h"

struct tally start_tally(uint64_t parts_a_unit) {
  return (struct tally){.parts_a_unit = parts_a_unit, .cpu = cpu_seconds()};
}

void tally_add(struct tally *tally, uint64_t parts) {
  tally->last = now();
  if (tally->first == 0) tally->first = tally->last;
  tally->parts += parts;
}

struct result take_tally(struct tally *tally) {
  struct result result = no_result();
  result.units = (double)(tally->parts / tally->parts_a_unit);
  result.seconds = tally->last - tally->first;
  result.cpu = cpu_seconds() - tally->cpu;
  const uint64_t unfinished = tally->parts % tally->parts_a_unit;
  *tally = start_tally(tally->parts_a_unit);
  tally->parts = unfinished;
  return result;
}
