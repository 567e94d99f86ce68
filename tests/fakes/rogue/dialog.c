/* dialog.c: the line protocol between a rogue and its judge. Owns its connection; a peer that ends is an end of file.
 * */
#include "tests/fakes/rogue/dialog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void dialog_path(const char *node_socket, char path[200])
{
    const char *slash = strrchr(node_socket, '/');
    (void)snprintf(path, 200, "%.*s/rogue.ctl", slash ? (int)(slash - node_socket) : 1, slash ? node_socket : ".");
}

bool dialog_adopt(struct dialog *dialog, int fd)
{
    *dialog = (struct dialog){0};
    int other = dup(fd);
    dialog->in = fdopen(fd, "r");
    dialog->out = other >= 0 ? fdopen(other, "w") : NULL;
    return dialog->in && dialog->out;
}

bool dialog_connect(struct dialog *dialog, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    return dialog_adopt(dialog, fd);
}

void dialog_close(struct dialog *dialog)
{
    if (dialog->in)
        (void)fclose(dialog->in);
    if (dialog->out)
        (void)fclose(dialog->out);
    *dialog = (struct dialog){0};
}

bool dialog_hear(struct dialog *dialog)
{
    dialog->n = 0;
    if (dialog->in == NULL || fgets(dialog->line, sizeof dialog->line, dialog->in) == NULL)
        return false;
    char *rest = NULL;
    for (char *word = strtok_r(dialog->line, " \n", &rest); word && dialog->n < DIALOG_WORDS_MAX;
         word = strtok_r(NULL, " \n", &rest))
        dialog->words[dialog->n++] = word;
    return dialog->n > 0;
}

bool dialog_say(struct dialog *dialog, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool said = vfprintf(dialog->out, format, args) > 0 && fputc('\n', dialog->out) != EOF;
    va_end(args);
    return said && fflush(dialog->out) == 0;
}

static const char *word(const char *text)
{
    return *text ? text : "-";
}

static void take(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", strcmp(from, "-") == 0 ? "" : from);
}

void dialog_put_held(const struct held *held, char *text, size_t size)
{
    (void)snprintf(text, size, "%" PRIu64 " %" PRIu64 " %u %s %s %s %s %s", held->id, held->origin, held->tag,
                   word(held->clip), word(held->guild), word(held->channel), word(held->message), word(held->job));
}

bool dialog_get_held(char *const *words, size_t n, struct held *held)
{
    *held = (struct held){0};
    if (n < DIALOG_HELD_WORDS)
        return false;
    held->id = strtoull(words[0], NULL, 10);
    held->origin = strtoull(words[1], NULL, 10);
    held->tag = (unsigned)strtoul(words[2], NULL, 10);
    take(held->clip, sizeof held->clip, words[3]);
    take(held->guild, sizeof held->guild, words[4]);
    take(held->channel, sizeof held->channel, words[5]);
    take(held->message, sizeof held->message, words[6]);
    take(held->job, sizeof held->job, words[7]);
    return true;
}

static void put_subject(const struct subject *subject, char *text, size_t size)
{
    (void)snprintf(text, size, "%s %s %s %s %s %s", word(subject->clip), word(subject->guild), word(subject->channel),
                   word(subject->message), word(subject->user), word(subject->path));
}

static void get_subject(char *const *words, struct subject *subject)
{
    take(subject->clip, sizeof subject->clip, words[0]);
    take(subject->guild, sizeof subject->guild, words[1]);
    take(subject->channel, sizeof subject->channel, words[2]);
    take(subject->message, sizeof subject->message, words[3]);
    take(subject->user, sizeof subject->user, words[4]);
    take(subject->path, sizeof subject->path, words[5]);
}

void dialog_put_knowledge(const struct knowledge *knowledge, char *text, size_t size)
{
    char archived[1300], near[1300], victim[500];
    put_subject(&knowledge->archived, archived, sizeof archived);
    put_subject(&knowledge->near, near, sizeof near);
    dialog_put_held(&knowledge->victim, victim, sizeof victim);
    (void)snprintf(text, size, "%s %s %s %" PRIu64 " %s", archived, near, victim, knowledge->their_session,
                   word(knowledge->instance));
}

bool dialog_get_knowledge(char *const *words, size_t n, struct knowledge *knowledge)
{
    *knowledge = (struct knowledge){0};
    if (n < DIALOG_KNOWLEDGE_WORDS || !dialog_get_held(words + 12, n - 12, &knowledge->victim))
        return false;
    get_subject(words, &knowledge->archived);
    get_subject(words + 6, &knowledge->near);
    knowledge->their_session = strtoull(words[12 + DIALOG_HELD_WORDS], NULL, 10);
    take(knowledge->instance, sizeof knowledge->instance, words[13 + DIALOG_HELD_WORDS]);
    return true;
}
