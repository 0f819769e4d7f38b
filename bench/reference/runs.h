#pragma once

#include <stddef.h>

#include "protocol.h"

// A client waits for `run MILLISECONDS` and does its workload for so long, until stdin ends. The run fills in what its
// workload counts; seconds and CPU are measured here, over the whole run, unless it sets them itself.
void answer_runs(void (*run)(void *context, double seconds, struct result *result), void *context);

// Sends all of it to a server that must be there.
void send_to_server(int fd, const void *data, size_t size);
