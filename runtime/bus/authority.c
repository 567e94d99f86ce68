/* authority.c: what an instance may say is what the mail in its hands allows.
 *
 * Accepts what an instance said, its role checked, and finds the mail in its custody that allows it: by the id that an
 * answer names, or by the correlation that what follows from a mail carries on. The subject must be that mail's, and it
 * must not have been said too often. So an instance that was taken over can cause only what the mail it was given
 * allows; an id that is known or guessed is worth nothing.
 *
 * The relay says what instances of other nodes said, whose routers have checked it in the same way. Here it is held to
 * the mail that this node gave it: to answers and to what follows from that mail, and about its subject. What began on
 * another node has an origin of the relay's own, and is held to the messages that may cross nodes. */
#include "runtime/bus/authority.h"

#include "runtime/base/assert.h"

#define MINUTE_MS 60000

static bool is_within(const struct ry_capability *may, const struct mail *mail)
{
    for (size_t i = 0; i < RY_CAPABILITY_WITHIN_MAX; i++)
        if (may->within[i] == mail->head.tag)
            return true;
    return false;
}

/* How often a message was said of this mail since it was handed out. */
static uint16_t *count_of(struct mail *mail, uint16_t tag)
{
    for (size_t i = 0; i < MAIL_SAID_KINDS; i++) {
        if (mail->said[i].tag == RY_TAG_NONE)
            mail->said[i].tag = tag;
        if (mail->said[i].tag == tag)
            return &mail->said[i].n;
    }
    return NULL;
}

static bool same_subject(const struct router_said *said, const struct mail *mail)
{
    if (said->descriptor->may->subject == RY_NO_FIELD || mail->descriptor->may->subject == RY_NO_FIELD)
        return true;
    return ry_str_eq(ry_subject_of(said->descriptor, said->head.body),
                     ry_subject_of(mail->descriptor, mail->head.body));
}

/* Mail of a guild allows nothing about another one; mail of none (a job for the whole archive) names no guild. */
static bool same_guild(const struct router_said *said, const struct mail *mail)
{
    bool has = false;
    struct ry_str guild = ry_guild_of(said->descriptor, said->head.body, &has);
    uint64_t tenant = 0;
    return mail->head.tenant == 0 || !has || (ry_str_u64(guild, &tenant) && tenant == mail->head.tenant);
}

static int allow(struct router_said *said, struct mail *mail, const char **why)
{
    const struct ry_capability *may = said->descriptor->may;
    const uint16_t *n = may->most != 0 && may->right == RY_RIGHT_FOLLOW ? count_of(mail, said->head.tag) : NULL;
    const uint16_t *before = may->after != RY_TAG_NONE ? count_of(mail, may->after) : NULL;
    *why = NULL;
    if (!same_subject(said, mail))
        *why = "a message about something else than its mail";
    else if (!same_guild(said, mail))
        *why = "a message about another guild than its mail";
    else if (may->right == RY_RIGHT_ANSWER && mail->answered)
        *why = "a second answer to one mail";
    else if (may->after != RY_TAG_NONE && (before == NULL || *before == 0))
        *why = "an answer that comes after something that it has not said";
    else if (may->most != 0 && may->right == RY_RIGHT_FOLLOW && (n == NULL || *n >= may->most))
        *why = "a message more often than its mail allows";
    if (*why != NULL)
        return RY_EACCES;
    said->within = mail;
    return RY_OK;
}

/* The mail that is its own origin, if this instance holds it. */
static struct mail *held_origin(const struct ry_router *router, const struct attached_instance *instance,
                                uint64_t origin)
{
    struct mail *mail = authority_held(router, instance, origin);
    return mail && mail->head.correlation == origin ? mail : NULL;
}

struct mail *authority_held(const struct ry_router *router, const struct attached_instance *instance, uint64_t id)
{
    struct mail *mail = TAILQ_FIRST(&instance->custody); /* mostly mail is ended in the order it came */
    if (mail && mail->head.id == id)
        return mail;
    mail = mail_index_find(&router->index, id);
    return mail && mail->holder == instance ? mail : NULL;
}

/* ---- instances of this node -------------------------------------------------------------------------------------- */

static int check_answer(struct ry_router *router, struct router_said *said, const char **why)
{
    struct attached_instance *sender = said->sender;
    if (said->descriptor->may->within[0] == RY_TAG_heap_make) {
        *why = "an answer to what it was not asked";
        return sender->heap_asked != 0 && said->head.correlation == sender->heap_asked ? RY_OK : RY_EACCES;
    }
    struct mail *mail = authority_held(router, sender, said->head.correlation);
    if (mail && is_within(said->descriptor->may, mail))
        return allow(said, mail, why);
    *why = "an answer to a mail that it does not hold";
    return RY_EACCES;
}

/* By the origin alone, never by the id of the mail: an answer to what follows would go to the mail's sender, and
 * whoever began the conversation would wait for its end. */
static int check_follow(struct ry_router *router, struct router_said *said, const char **why)
{
    uint64_t origin = said->head.correlation;
    struct mail *mail = held_origin(router, said->sender, origin); /* mostly the mail is the origin itself */
    if (mail && is_within(said->descriptor->may, mail))
        return allow(said, mail, why);
    int rc = RY_EACCES;
    *why = "a message that belongs to no mail that it holds";
    /* Several have one origin when a mail was given out twice: each of them allows its own. */
    TAILQ_FOREACH(mail, &said->sender->custody, link)
    if (mail->head.correlation == origin && is_within(said->descriptor->may, mail)) {
        rc = allow(said, mail, why);
        if (rc == RY_OK)
            break;
    }
    return rc;
}

/* What a confined role says of itself is bounded in time. */
static int check_pace(struct ry_router *router, struct router_said *said, const char **why)
{
    struct attached_instance *sender = said->sender;
    const struct ry_capability *may = said->descriptor->may;
    if (may->most == 0 || !(RY_ROLES_CONFINED & RY_ROLE_BIT(sender->role)))
        return RY_OK;
    int64_t now_mono_ms = router_now(router);
    if (now_mono_ms - sender->minute_mono_ms >= MINUTE_MS) {
        sender->minute_mono_ms = now_mono_ms;
        memset(sender->paces, 0, sizeof sender->paces);
    }
    for (size_t i = 0; i < INSTANCE_PACES; i++) {
        if (sender->paces[i].tag == RY_TAG_NONE)
            sender->paces[i].tag = said->head.tag;
        if (sender->paces[i].tag != said->head.tag)
            continue;
        if (sender->paces[i].n++ < may->most)
            return RY_OK;
        break;
    }
    *why = "a message more often than its role may say it";
    return RY_EACCES;
}

/* ---- the relay --------------------------------------------------------------------------------------------------- */

/* A mail of this origin that the relay has. */
static struct mail *relayed_of(struct ry_router *router, const struct attached_instance *relay, uint64_t origin)
{
    struct mail *mail = held_origin(router, relay, origin);
    if (mail)
        return mail;
    TAILQ_FOREACH(mail, &relay->custody, link)
    if (mail->head.correlation == origin)
        return mail;
    return NULL;
}

bool authority_relays(struct ry_router *router, const struct attached_instance *relay, uint64_t to)
{
    return authority_held(router, relay, to) != NULL || relayed_of(router, relay, to) != NULL;
}

static int check_relayed(struct ry_router *router, struct router_said *said, const char **why)
{
    const struct ry_capability *may = said->descriptor->may;
    uint64_t to = said->head.correlation;
    bool answer = may->right == RY_RIGHT_ANSWER;
    if (!may->crosses) {
        *why = "a message that does not cross nodes";
        return RY_EACCES;
    }
    if (said->descriptor->kind != RY_KIND_ANSWER && to == said->head.id)
        return RY_OK; /* its origin is on another node */
    if (said->descriptor->kind == RY_KIND_EVENT)
        return RY_OK; /* a hint, of no conversation */
    struct mail *mail = answer ? authority_held(router, said->sender, to) : relayed_of(router, said->sender, to);
    if (mail == NULL || (answer && mail->answered)) {
        *why = "a conversation that has ended";
        return RY_EAWAY;
    }
    *why = "a message about something else than its mail";
    if ((answer && !is_within(may, mail)) || !same_subject(said, mail))
        return RY_EACCES;
    said->within = mail;
    return RY_OK;
}

/* ---- the check for everybody --------------------------------------------------------------------------------------
 */

static bool begins_conversations(const struct router_said *said)
{
    bool request = said->descriptor->kind == RY_KIND_REQUEST || said->descriptor->kind == RY_KIND_ASK ||
                   said->descriptor->kind == RY_KIND_EVENT;
    return request && (RY_ROLES_SOURCES & RY_ROLE_BIT(said->sender->role));
}

int authority_check(struct ry_router *router, struct router_said *said, const char **why)
{
    if (begins_conversations(said))
        return RY_OK;
    /* Of its own heap it speaks like everybody else. */
    bool of_heap = said->descriptor->may->within[0] == RY_TAG_heap_make;
    if (said->sender->role == RY_ROLE_RELAY && said->descriptor->kind != RY_KIND_CONTROL && !of_heap)
        return check_relayed(router, said, why);
    switch (said->descriptor->may->right) {
    case RY_RIGHT_FREE: return check_pace(router, said, why);
    case RY_RIGHT_CUSTODY: return RY_OK; /* the mails are in its body: control.c looks */
    case RY_RIGHT_ANSWER: return check_answer(router, said, why);
    case RY_RIGHT_FOLLOW: return check_follow(router, said, why);
    }
    *why = "a message without a capability";
    return RY_EACCES;
}

void authority_note(const struct router_said *said)
{
    const struct ry_capability *may = said->descriptor->may;
    if (said->within == NULL) {
        if (may->within[0] == RY_TAG_heap_make)
            said->sender->heap_asked = 0;
        return;
    }
    RY_ASSERT(said->within->magic == MAIL_MAGIC && said->within->holder == said->sender, "%s", said->sender->name);
    if (may->right == RY_RIGHT_ANSWER)
        said->within->answered = true;
    bool counted = may->right == RY_RIGHT_FOLLOW && may->most != 0 && said->sender->role != RY_ROLE_RELAY;
    uint16_t *n = counted ? count_of(said->within, said->head.tag) : NULL;
    if (n && *n < UINT16_MAX)
        ++*n;
}

void authority_begin(struct mail *mail)
{
    mail->answered = false;
    memset(mail->said, 0, sizeof mail->said);
}

bool authority_is_answered(const struct mail *mail)
{
    return mail->answered || mail->descriptor->kind != RY_KIND_ASK;
}
