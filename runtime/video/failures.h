/* failures.h: what is said of a video that gives no picture: sentences about the file ("it"), in
 * the words of people who watch videos. No library's words, and nothing of a file's own text but codes that were
 * checked. */
#ifndef REELYARD_RUNTIME_VIDEO_FAILURES_H
#define REELYARD_RUNTIME_VIDEO_FAILURES_H

/* What it is. */
#define FAILURE_EMPTY              "it is empty"
#define FAILURE_NOT_VIDEO          "it is %s, not a video"
#define FAILURE_UNKNOWN_FORMAT     "it is not a video, or one of a format that is not known"
#define FAILURE_UNSUPPORTED_FORMAT "it is of a video format that is not supported: %s"
#define FAILURE_SOUND_ONLY         "it has sound but no video"
#define FAILURE_NO_VIDEO           "it has no video in it"
#define FAILURE_ENCRYPTED          "it is encrypted"
#define FAILURE_CODEC              "it has video of a codec that is not supported: %s"
#define FAILURE_TOO_LARGE          "it has pictures of %dx%d, which is more than the limit"

/* What happened to it. */
#define FAILURE_ZEROS           "it is damaged: it begins with zeros, as an interrupted download leaves them"
#define FAILURE_HOLE            "it is damaged: zeros stand where its video should be, as an interrupted download leaves them"
#define FAILURE_INDEX_CUT_OFF   "it is cut off: its index, which comes last, is missing"
#define FAILURE_INDEX_MISSING   "it is damaged: its index is missing"
#define FAILURE_HEADER          "it is damaged: its header cannot be read"
#define FAILURE_CODEC_HEADER    "it is damaged: the header of its video (%s) cannot be read"
#define FAILURE_CUT_OFF         "it is cut off before its first picture"
#define FAILURE_NO_PICTURES     "it has a video without pictures"
#define FAILURE_NOTHING_SHOWN   "it has a video, but an edit list that shows none of it"
#define FAILURE_NOTHING_FOUND   "it is damaged: no picture was found in as much of it as is looked at"
#define FAILURE_UNDECODABLE     "it is damaged: none of its pictures (%s) can be decoded"
#define FAILURE_CUT_UNDECODABLE "it is cut off, and none of the pictures (%s) that are left can be decoded"

#endif
