/* style.h: the web page's style sheet, served as /style.css. */
#ifndef REELYARD_ACTORS_MONITOR_STYLE_H
#define REELYARD_ACTORS_MONITOR_STYLE_H

extern const char web_style[];

#endif
