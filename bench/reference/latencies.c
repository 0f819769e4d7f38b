#include "features.h"

#include "latencies.h"

#include <stdlib.h>

#include "failure.h"

enum { FIRST_CAPACITY = 1 << 20 };

void latencies_add(struct latencies *latencies, double seconds) {
  if (latencies->count == latencies->capacity) {
    latencies->capacity = latencies->capacity == 0 ? FIRST_CAPACITY : latencies->capacity * 2;
    latencies->values = realloc(latencies->values, latencies->capacity * sizeof *latencies->values);
    if (latencies->values == NULL) fail_errno("realloc");
  }
  latencies->values[latencies->count++] = (float)seconds;
}

static int by_value(const void *left, const void *right) {
  const float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

double latencies_percentile(struct latencies *latencies, double share) {
  if (latencies->count == 0) return 0;
  qsort(latencies->values, latencies->count, sizeof *latencies->values, by_value);
  size_t rank = (size_t)((double)latencies->count * share + 0.999999);
  if (rank < 1) rank = 1;
  if (rank > latencies->count) rank = latencies->count;
  return latencies->values[rank - 1];
}

void latencies_clear(struct latencies *latencies) { latencies->count = 0; }
