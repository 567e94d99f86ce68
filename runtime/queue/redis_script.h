/* redis_script.h: the scripts that run inside Redis (redis_scripts.def), as text. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_SCRIPT_H
#define REELYARD_RUNTIME_QUEUE_REDIS_SCRIPT_H

enum ry_redis_script {
#define SCRIPT(name) RY_REDIS_##name,
#define MAIL_SCRIPT(name)
#include "runtime/queue/redis_scripts.def"
#undef SCRIPT
#undef MAIL_SCRIPT
    RY_REDIS_SCRIPT_COUNT
};

enum ry_mail_script {
#define SCRIPT(name)
#define MAIL_SCRIPT(name) RY_MAIL_##name,
#include "runtime/queue/redis_scripts.def"
#undef SCRIPT
#undef MAIL_SCRIPT
    RY_MAIL_SCRIPT_COUNT
};

extern const char *const ry_redis_scripts[RY_REDIS_SCRIPT_COUNT];
extern const char *const ry_mail_scripts[RY_MAIL_SCRIPT_COUNT];

#endif
