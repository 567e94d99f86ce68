/* codec_fuzz.c: hostile bytes as an envelope, and as the body of every message.
 *
 *   codec_fuzz tests/fuzz/corpus/codec
 *   codec_fuzz --seeds FOLDER        writes a seed for each message
 *
 * The input is an envelope. If it can be read, it is written and read again and must be the same; its body is then read
 * as its tag says, and what can be read must survive being written. Frames are as many as the envelope announces, of a
 * few bytes each. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "proto/envelope.h"
#include "tests/bed/sample.h"

#define ARENA_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void same_envelope(const struct ry_envelope *envelope)
{
    RY_BUF_AUTO bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    struct ry_envelope again = {0};
    must(ry_envelope_pack(envelope, &bytes) == RY_OK);
    must(ry_envelope_unpack(ry_buf_str(&bytes), &again, NULL) == RY_OK);
    must(again.id == envelope->id && again.correlation == envelope->correlation && again.tenant == envelope->tenant);
    must(again.deadline_wall_ms == envelope->deadline_wall_ms && again.tag == envelope->tag);
    must(again.priority == envelope->priority && again.attempt == envelope->attempt);
    must(memcmp(&again.trace, &envelope->trace, sizeof again.trace) == 0);
    must(again.frame_count == envelope->frame_count && ry_str_eq(again.body, envelope->body));
}

static void same_body(const struct ry_descriptor *descriptor, struct ry_str body, const struct ry_frames *frames)
{
    RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
    RY_BUF_AUTO bytes = ry_buf_make(2 * RY_ENVELOPE_MAX_BYTES);
    RY_BUF_AUTO line = ry_buf_make(4000);
    struct ry_frames packed = {.n = 0};
    struct ry_error err = {0};
    void *message = NULL;
    void *again = NULL;
    if (ry_unpack(descriptor, body, frames->items, frames->n, &arena, &message, &err) != RY_OK) {
        must(err.text[0] != '\0');
        return;
    }
    must(ry_pack(descriptor, message, &bytes, &packed, &err) == RY_OK);
    must(packed.n == frames->n);
    must(ry_unpack(descriptor, ry_buf_str(&bytes), packed.items, packed.n, &arena, &again, &err) == RY_OK);
    must(sample_equal(&descriptor->record, message, again, NULL));
    ry_describe(descriptor, message, &line);
    must(line.n > 0 && ry_str_is_utf8(ry_buf_str(&line)));
    ry_frames_clear(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ry_envelope envelope = {0};
    if (ry_envelope_unpack((struct ry_str){(const char *)data, size}, &envelope, NULL) != RY_OK)
        return 0;
    same_envelope(&envelope);
    struct ry_frames frames = {.n = 0};
    for (size_t i = 0; i < envelope.frame_count; i++) {
        frames.items[frames.n] = ry_frame_copy("12345678", 8);
        must(frames.items[frames.n++] != NULL);
    }
    same_body(ry_descriptor(envelope.tag), envelope.body, &frames);
    ry_frames_clear(&frames);
    return 0;
}

/* ---- seeds ------------------------------------------------------------------------------------------------------- */

static void write_seed(const struct ry_descriptor *descriptor, const char *folder)
{
    RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
    RY_BUF_AUTO body = ry_buf_make((size_t)1 << 20);
    RY_BUF_AUTO bytes = ry_buf_make((size_t)1 << 20);
    RY_BUF_AUTO path = ry_buf_make(4096);
    struct ry_frames owned = {.n = 0};
    struct ry_frames frames = {.n = 0};
    void *sample = sample_make(descriptor, SAMPLE_TYPICAL, &arena, &owned);
    must(ry_pack(descriptor, sample, &body, &frames, NULL) == RY_OK);
    struct ry_envelope envelope = {.id = ((uint64_t)1 << 32) | 1,
                                   .tag = (uint16_t)descriptor->tag,
                                   .attempt = 1,
                                   .frame_count = (uint16_t)frames.n,
                                   .body = ry_buf_str(&body)};
    must(ry_envelope_pack(&envelope, &bytes) == RY_OK);
    must(ry_buf_addf(&path, "%s/%s", folder, descriptor->record.name) == RY_OK);
    FILE *file = fopen(ry_buf_cstr(&path), "w");
    must(file != NULL && fwrite(bytes.p, 1, bytes.n, file) == bytes.n && fclose(file) == 0);
    ry_frames_clear(&frames);
    ry_frames_clear(&owned);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc != 3 || strcmp((*argv)[1], "--seeds") != 0)
        return 0;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++)
        write_seed(&descriptors[i], (*argv)[2]);
    exit(0);
}
