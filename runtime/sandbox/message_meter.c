/* message_meter.c: frames of ZMTP 3.x, counted; see message_meter.h.
 *
 * The peer is not trusted, so whatever the specification does not allow is refused: what is passed on is then read by
 * libzmq in the same way as here, and nothing is left to its leniency towards older versions. */
#include "runtime/sandbox/message_meter.h"

#define GREETING_BYTES 64
/* Places in the greeting. */
#define AT_SIGNATURE     0
#define AT_SIGNATURE_END 9
#define AT_MAJOR         10
#define MAJOR            3

#define FLAG_MORE    1
#define FLAG_LONG    2
#define FLAG_COMMAND 4
#define FLAGS_KNOWN  (FLAG_MORE | FLAG_LONG | FLAG_COMMAND)

#define LONG_SIZE_BYTES 8

void ry_message_meter_begin(struct ry_message_meter *meter, uint64_t message_max_bytes, uint64_t message_max_parts)
{
    *meter = (struct ry_message_meter){.message_max_bytes = message_max_bytes, .message_max_parts = message_max_parts};
}

static bool refuse(struct ry_message_meter *meter, const char *why)
{
    meter->refused = why;
    return false;
}

static bool read_greeting(struct ry_message_meter *meter, uint8_t byte)
{
    unsigned at = meter->head_bytes++;
    if ((at == AT_SIGNATURE && byte != 0xFF) || (at == AT_SIGNATURE_END && byte != 0x7F) ||
        (at == AT_MAJOR && byte != MAJOR))
        return refuse(meter, "it does not speak ZMTP 3");
    if (meter->head_bytes == GREETING_BYTES)
        meter->step = RY_METER_FLAGS;
    return true;
}

static bool read_flags(struct ry_message_meter *meter, uint8_t byte)
{
    if (byte & ~FLAGS_KNOWN || (byte & FLAG_COMMAND && byte & FLAG_MORE))
        return refuse(meter, "it sends a frame with flags that do not exist");
    meter->flags = byte;
    meter->frame_left = 0;
    meter->head_bytes = 0;
    meter->step = RY_METER_SIZE;
    return true;
}

/* The frame's size is known. */
static bool begin_body(struct ry_message_meter *meter)
{
    uint64_t size = meter->frame_left;
    meter->step = size ? RY_METER_BODY : RY_METER_FLAGS;
    if (meter->flags & FLAG_COMMAND)
        return size <= RY_METER_COMMAND_MAX_BYTES || refuse(meter, "it sends a command that is too large");
    if (size > meter->message_max_bytes - meter->bytes || meter->parts == meter->message_max_parts)
        return refuse(meter, "it sends a message that is too large, or has no end");
    meter->bytes += size;
    meter->parts++;
    if (!(meter->flags & FLAG_MORE))
        meter->bytes = meter->parts = 0;
    return true;
}

static bool read_size(struct ry_message_meter *meter, uint8_t byte)
{
    meter->frame_left = meter->frame_left << 8 | byte;
    if (++meter->head_bytes < (meter->flags & FLAG_LONG ? LONG_SIZE_BYTES : 1u))
        return true;
    return begin_body(meter);
}

bool ry_message_meter_read(struct ry_message_meter *meter, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && !meter->refused;) {
        uint8_t byte = (uint8_t)bytes[i];
        switch (meter->step) {
        case RY_METER_GREETING: (void)read_greeting(meter, byte); break;
        case RY_METER_FLAGS: (void)read_flags(meter, byte); break;
        case RY_METER_SIZE: (void)read_size(meter, byte); break;
        case RY_METER_BODY: {
            size_t here = n - i < meter->frame_left ? n - i : (size_t)meter->frame_left;
            meter->frame_left -= here;
            i += here;
            if (meter->frame_left == 0)
                meter->step = RY_METER_FLAGS;
            continue;
        }
        }
        i++;
    }
    return meter->refused == NULL;
}
