#include "features.h"

#include "udp-drops.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "failure.h"

uint64_t udp_drops(uint16_t port) {
  FILE *table = fopen("/proc/net/udp", "r");
  if (table == NULL) fail_errno("/proc/net/udp");
  char *line = NULL;
  size_t capacity = 0;
  uint64_t drops = 0;
  while (getline(&line, &capacity, table) > 0) {
    unsigned local;
    uint64_t value;
    // sl local rem st tx:rx tr:when retrnsmt uid timeout inode ref pointer drops
    const char *row = "%*d: %*x:%x %*x:%*x %*x %*x:%*x %*x:%*x %*x %*u %*u %*u %*d %*s %" SCNu64;
    if (sscanf(line, row, &local, &value) == 2 && local == port) drops = value;
  }
  free(line);
  fclose(table);
  return drops;
}
