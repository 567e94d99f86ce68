/* clip_mail.c: see clip_mail.h. */
#include "tests/bed/clip_mail.h"

struct ry_clip_work clip_mail_work(struct ry_str clip_id)
{
    return (struct ry_clip_work){.clip_id = clip_id,
                                 .guild_id = RY_STR("1"),
                                 .channel_id = RY_STR("2"),
                                 .message_id = RY_STR("3"),
                                 .filename = RY_STR("a.mp4"),
                                 .url = RY_STR("https://cdn.discordapp.com/a.mp4")};
}

struct ry_encode_run clip_mail_run(struct ry_str clip_id)
{
    static struct ry_window window = {.bytes = {.p = "bytes", .n = 5}};
    return (struct ry_encode_run){.clip_id = clip_id,
                                  .guild_id = RY_STR("1"),
                                  .filename = RY_STR("a.mp4"),
                                  .windows = {&window, 1},
                                  .small_width = 16,
                                  .small_height = 16,
                                  .large_width = 16,
                                  .large_height = 16,
                                  .quality = 85};
}
