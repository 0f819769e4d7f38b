#pragma once

#include <stddef.h>

// The durations of many round trips, in seconds.
struct latencies {
  float *values;
  size_t count;
  size_t capacity;
};

void latencies_add(struct latencies *latencies, double seconds);

// The shortest duration that `share` (0 to 1) of all are no longer than, nearest rank. Sorts them.
double latencies_percentile(struct latencies *latencies, double share);

void latencies_clear(struct latencies *latencies);
