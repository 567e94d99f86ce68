/* downloader.h: the downloader's spec; what it does stands at the top of downloader.c. */
#ifndef REELYARD_ACTORS_DOWNLOADER_DOWNLOADER_H
#define REELYARD_ACTORS_DOWNLOADER_DOWNLOADER_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_downloader_spec;

#endif
