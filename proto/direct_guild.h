/* direct_guild.h: the guild under which the archive keeps direct messages and group chats, which have none. */
#ifndef REELYARD_PROTO_DIRECT_GUILD_H
#define REELYARD_PROTO_DIRECT_GUILD_H

/* Its id. A guild's id holds the time of its making, and this one's would be Discord's first millisecond, so no guild
 * of Discord has it. Links to its messages have @me in its place. Rows of it are made by imports into the embedded
 * database only. */
#define RY_DIRECT_GUILD_ID "1000"

/* Its name, when the export gives none. */
#define RY_DIRECT_GUILD_NAME "Direct Messages"

#endif
