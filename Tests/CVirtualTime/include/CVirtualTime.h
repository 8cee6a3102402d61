#pragma once
#include <stdint.h>

/* Puts every clock of this process at so many nanoseconds (the wall clock: that long after 2023-11-14 22:13:20 UTC).
   Until the first call the clocks are the system's. Not for more than one thread. */
void virtual_time_set(int64_t nanoseconds);

/* Where the clocks stand, in nanoseconds. */
int64_t virtual_time_now(void);

/* What the system's monotonic clock says, in nanoseconds. */
int64_t system_time_now(void);

/* Remembers which seed runs, for the line that is written when the process crashes. */
void crash_note_seed(uint64_t seed);

/* From now on a crash writes the seed to standard error before the process ends as it would have. */
void crash_note_install(void);
