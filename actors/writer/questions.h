/* questions.h: mails that ask about the archive and change nothing. */
#ifndef REELYARD_ACTORS_WRITER_QUESTIONS_H
#define REELYARD_ACTORS_WRITER_QUESTIONS_H

#include "actors/writer/writer_state.h"

/* Answers a question at once, outside of any transaction. False: the mail is none. */
bool writer_answer(struct writer *self, struct ry_ctx *ctx, struct ry_mail *mail);

#endif
