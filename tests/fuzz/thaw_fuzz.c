/* thaw_fuzz.c: hostile bytes as a frozen mail, such as a dead letter from a damaged store.
 *
 * What thaws must freeze and thaw to the same again; what does not must leave no frame behind (LeakSanitizer sees it).
 */
#include <stdlib.h>

#include "proto/codec.h"
#include "proto/envelope.h"

#define FRAMES_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ry_envelope envelope = {0};
    struct ry_envelope again = {0};
    struct ry_frame *frames[FRAMES_MAX];
    struct ry_frame *frames_again[FRAMES_MAX];
    struct ry_error err = {0};
    if (ry_mail_thaw((struct ry_str){(const char *)data, size}, &envelope, frames, FRAMES_MAX, &err) != RY_OK) {
        must(err.text[0] != '\0');
        return 0;
    }
    must(envelope.frame_count <= FRAMES_MAX);
    RY_BUF_AUTO frozen = ry_buf_make((size_t)64 << 20);
    must(ry_mail_freeze(&envelope, frames, &frozen) == RY_OK);
    must(ry_mail_thaw(ry_buf_str(&frozen), &again, frames_again, FRAMES_MAX, &err) == RY_OK);
    must(again.id == envelope.id && again.frame_count == envelope.frame_count);
    must(ry_str_eq(again.body, envelope.body));
    for (size_t i = 0; i < envelope.frame_count; i++) {
        size_t n = ry_frame_size(frames[i]);
        must(ry_frame_size(frames_again[i]) == n);
        must(memcmp(ry_frame_data(frames_again[i]), ry_frame_data(frames[i]), n) == 0);
        ry_frame_unref(frames[i]);
        ry_frame_unref(frames_again[i]);
    }
    return 0;
}
