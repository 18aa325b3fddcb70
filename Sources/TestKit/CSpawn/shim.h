// What glibc's <spawn.h> (2.34 and later) has beyond POSIX, and Swift's Glibc module therefore lacks.
#include <spawn.h>

extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

// POSIX_SPAWN_SETSID
static const short spawn_setsid = 0x80;
