/* dialog.h: the words between a rogue and its judge: lines over a unix socket, the judge's in run/rogue.ctl.
 *
 *   rogue: hello NAME ROLE            judge: honest | rogue
 *   then the judge says a verb, and the rogue answers when it has done it:
 *     join                            joined SESSION | refused REASON
 *     take                            holds ID ORIGIN TAG CLIP GUILD CHANNEL MESSAGE JOB ("-": none)
 *     try STATE KNOWLEDGE...          a line "tried COUNT MARK MESSAGE" for each message or, at the end, for all;
 * behind each the judge says "on" over                            over: the mail was given back, its custody has ended
 *     leave                           left
 *     end                             (the process ends without a word)
 *
 * MARK: what busy_ms the rogue reported last, by which the judge knows that the router has heard all before it. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_DIALOG_H
#define REELYARD_TESTS_FAKES_ROGUE_DIALOG_H

#include <stdio.h>

#include "tests/bed/cells.h"

#define DIALOG_LINE_BYTES 4096
#define DIALOG_WORDS_MAX  32

struct dialog {
    FILE *in;
    FILE *out;
    char line[DIALOG_LINE_BYTES];
    char *words[DIALOG_WORDS_MAX]; /* of the last line */
    size_t n;
};

/* Where the judge listens at a node whose socket is this. */
void dialog_path(const char *node_socket, char path[200]);

/* Connects to a judge. False: there is none. */
bool dialog_connect(struct dialog *dialog, const char *path);
/* Takes a connection as its own. */
bool dialog_adopt(struct dialog *dialog, int fd);
void dialog_close(struct dialog *dialog);

/* Waits for a line and takes it apart. False: the other end is gone. */
bool dialog_hear(struct dialog *dialog);
bool dialog_say(struct dialog *dialog, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A mail as words, and back. */
void dialog_put_held(const struct held *held, char *text, size_t size);
bool dialog_get_held(char *const *words, size_t n, struct held *held);
#define DIALOG_HELD_WORDS 8
/* The same for what a rogue is told. */
void dialog_put_knowledge(const struct knowledge *knowledge, char *text, size_t size);
bool dialog_get_knowledge(char *const *words, size_t n, struct knowledge *knowledge);
#define DIALOG_KNOWLEDGE_WORDS (12 + DIALOG_HELD_WORDS + 2)

#endif
