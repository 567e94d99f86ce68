/* admission.c: which process may join a router; see admission.h. */
#include "runtime/bus/admission.h"

#include <stdlib.h>
#include <sys/queue.h>

struct entry {
    struct ry_ticket ticket;
    LIST_ENTRY(entry) link;
};

struct ry_admission {
    bool guarded;
    char file_token[RY_TICKET_BYTES]; /* of the node's ticket file; "": there is none */
    LIST_HEAD(, entry) entries;
};

struct ry_admission *ry_admission_new(bool guarded)
{
    struct ry_admission *made = calloc(1, sizeof *made);
    if (made) {
        made->guarded = guarded;
        LIST_INIT(&made->entries);
    }
    return made;
}

static void entry_free(struct entry *entry)
{
    LIST_REMOVE(entry, link);
    explicit_bzero(entry, sizeof *entry);
    free(entry);
}

void ry_admission_free(struct ry_admission **admission)
{
    struct ry_admission *old = *admission;
    *admission = NULL;
    if (old == NULL)
        return;
    while (!LIST_EMPTY(&old->entries))
        entry_free(LIST_FIRST(&old->entries));
    explicit_bzero(old, sizeof *old);
    free(old);
}

static struct entry *find(const struct ry_admission *admission, struct ry_str name)
{
    struct entry *entry;
    LIST_FOREACH(entry, &admission->entries, link)
    if (ry_str_is(name, entry->ticket.name))
        return entry;
    return NULL;
}

int ry_admission_add(struct ry_admission *admission, const struct ry_ticket *ticket)
{
    ry_admission_revoke(admission, ticket->name);
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return RY_ENOMEM;
    entry->ticket = *ticket;
    LIST_INSERT_HEAD(&admission->entries, entry, link);
    return RY_OK;
}

void ry_admission_revoke(struct ry_admission *admission, const char *name)
{
    struct entry *entry = find(admission, ry_str_of(name));
    if (entry)
        entry_free(entry);
}

/* Takes the same time whatever differs, so that a token cannot be guessed piece by piece. */
static bool same_token(const char token[RY_TICKET_BYTES], struct ry_str shown)
{
    unsigned char difference = shown.n != RY_TICKET_BYTES - 1;
    for (size_t i = 0; i < RY_TICKET_BYTES - 1; i++)
        difference |= (unsigned char)(token[i] ^ (i < shown.n ? shown.p[i] : 0));
    return difference == 0;
}

void ry_admission_keep(struct ry_admission *admission, const char token[RY_TICKET_BYTES])
{
    memcpy(admission->file_token, token, RY_TICKET_BYTES);
}

static bool showed_file(const struct ry_admission *admission, const struct ry_hello *hello)
{
    return admission->file_token[0] != '\0' && same_token(admission->file_token, hello->ticket);
}

static int check_guarded(const struct ry_admission *admission, const struct ry_hello *hello, uint32_t *allowed,
                         struct ry_error *err)
{
    const struct entry *entry = find(admission, hello->name);
    if (entry == NULL || !same_token(entry->ticket.token, hello->ticket))
        return ry_fail(err, RY_EACCES,
                       "only processes that `reelyard up` started may join here; `reelyard scale` starts more of them");
    *allowed = RY_ROLE_BIT(entry->ticket.role);
    return RY_OK;
}

int ry_admission_check(const struct ry_admission *admission, const struct ry_hello *hello, uint32_t before,
                       uint32_t *allowed, struct ry_error *err)
{
    const uint32_t console = RY_ROLE_BIT(RY_ROLE_CONSOLE);
    uint32_t role = hello->role < RY_ROLE_COUNT ? RY_ROLE_BIT(hello->role) : 0;
    *allowed = 0;
    if ((before & RY_ROLES_CONFINED) && (role & ~before))
        return ry_fail(err, RY_EACCES, "this process has joined in a role that is confined, and stays in it");
    if ((before & ~console) && (admission->guarded || role == console))
        return ry_fail(err, RY_EACCES, "an instance of this process has joined already");
    if (admission->guarded && role != console)
        return check_guarded(admission, hello, allowed, err);
    bool file = showed_file(admission, hello);
    *allowed = admission->guarded ? (file ? console : 0) : file ? UINT32_MAX : RY_ROLES_CONFINED;
    if (role & *allowed)
        return RY_OK;
    return ry_fail(err, RY_EACCES, "the role %s takes the node's ticket, the file beside its socket",
                   ry_role_name((enum ry_role)hello->role));
}

int ry_admission_check_remote(const struct ry_hello *hello, uint32_t *allowed, struct ry_error *err)
{
    *allowed = RY_ROLE_BIT(RY_ROLE_ENCODER);
    if (hello->role != RY_ROLE_ENCODER)
        return ry_fail(err, RY_EACCES, "only encoders may join from another host");
    if (hello->name.n == 0 || memchr(hello->name.p, '@', hello->name.n) == NULL)
        return ry_fail(err, RY_EACCES, "the name of an encoder of another host is NAME@HOST");
    return RY_OK;
}

void ry_admission_used(struct ry_admission *admission, const struct ry_hello *hello)
{
    struct entry *entry = find(admission, hello->name);
    if (entry && hello->role == (uint64_t)entry->ticket.role)
        entry_free(entry);
}
