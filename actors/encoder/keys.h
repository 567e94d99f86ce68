/* keys.h: finding key frames' packets: by the file's index, or by reading on. */
#ifndef REELYARD_ACTORS_ENCODER_KEYS_H
#define REELYARD_ACTORS_ENCODER_KEYS_H

#include "actors/encoder/media.h"

struct keys {
    struct media *media;
    AVPacket *packet;   /* the one read last */
    int64_t entry_time; /* of the index entry that the packet is of, in the stream's time base */
    bool by_index;      /* the media is indexed, and seeking in it works */
    bool hole;          /* what failed last did so because zeros stand where the key frame should be */
    AVPacket **trail;   /* without an index: the key frame reached and what was read behind it */
    size_t trail_count;
    size_t trail_next; /* to be given again */
    AVCodecParserContext *parser;
    AVCodecContext *parser_of; /* what the parser is told of the stream */
};

int keys_open(struct keys *keys, struct media *media, struct ry_error *err);
void keys_close(struct keys *keys);

/* Reads the key frame at or before target_s, or else the first one behind it. Whether it is one is only what the file
 * says. False if there is none at hand (or windows->need_count > 0). */
bool keys_reach(struct keys *keys, double target_s);

/* Reads the last key frame that comes behind the one reached and at or before a time; false: there is none. */
bool keys_advance(struct keys *keys, double target_s);

/* Reads the next key frame behind the one reached. */
bool keys_follow(struct keys *keys);

/* Reads the key frame of an index entry again; without an index: the one that was reached. */
bool keys_return(struct keys *keys, int64_t entry_time);

/* Makes the next packet read the first sample of an indexed video; its entry is then entry_time. */
bool keys_rewind(struct keys *keys);

/* Reads the next packet, key frame or not. */
bool keys_read(struct keys *keys);

/* Whether the packet holds a key frame, by its own bytes where they can be read, else by what the file says. */
bool keys_is_key(struct keys *keys);

/* Makes the next packet read the one of the key frame at or before a time, whose entry is then entry_time; false: not
 * indexed. */
bool keys_seek(struct keys *keys, double target_s);

/* Asks at once for the samples from entry_time's to the one shown at a time, where the index tells them. False if they
 * are not at hand. */
bool keys_want_until(struct keys *keys, int64_t time);

/* keys_return, once what is behind that key frame is at hand up to where samples become large behind the small ones of
 * a blank start: asked for at once where the index tells, else read up to. Then the next packets are those behind it,
 * key frames or not. */
bool keys_return_to_growth(struct keys *keys, int64_t entry_time);

/* Whether one of the samples behind the indexed one that was reached, before the next key frame and at hand, is larger
 * than so many bytes; at most so many are looked at. True if the index does not tell. */
bool keys_show_more(const struct keys *keys, int bytes, int64_t samples);

#endif
