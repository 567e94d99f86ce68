/* between.h: assert_between, a check of a whole number's range that says the number.
 *
 * cmocka 1.1 has only assert_in_range, which cmocka 2 deprecates; its successors are new in cmocka 2. To be included
 * behind <cmocka.h>. */
#ifndef REELYARD_TESTS_BED_BETWEEN_H
#define REELYARD_TESTS_BED_BETWEEN_H

#include <inttypes.h>

/* Fails the test unless least <= value <= most. */
#define assert_between(value, least, most) \
    do { \
        const intmax_t is_ = (intmax_t)(value), least_ = (intmax_t)(least), most_ = (intmax_t)(most); \
        if (is_ < least_ || is_ > most_) \
            fail_msg("%s is %jd, not within %jd..%jd", #value, is_, least_, most_); \
    } while (0)

#endif
