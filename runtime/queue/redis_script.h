/* redis_script.h: the scripts that run inside Redis (lua/<name>.lua, the prelude before each), as text. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_SCRIPT_H
#define REELYARD_RUNTIME_QUEUE_REDIS_SCRIPT_H

enum ry_redis_script {
#define SCRIPT(name) RY_REDIS_##name,
#include "runtime/queue/redis_scripts.def"
#undef SCRIPT
    RY_REDIS_SCRIPT_COUNT
};

extern const char *const ry_redis_scripts[RY_REDIS_SCRIPT_COUNT];

#endif
