#pragma once

// Seconds of the monotonic clock.
double now(void);

// User and system CPU seconds of this process so far.
double cpu_seconds(void);
