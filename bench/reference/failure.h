#pragma once

// Says on stderr what failed, with errno's text, and ends the process with 1.
_Noreturn void fail_errno(const char *what);

// The same for what errno knows nothing of. The format is printf's.
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
