/* patience.h: how long tests wait for what must come: only so that a test that hangs ends. No claim may rest on it. */
#ifndef REELYARD_TESTS_BED_PATIENCE_H
#define REELYARD_TESTS_BED_PATIENCE_H

#define PATIENCE_MS 600000

#endif
