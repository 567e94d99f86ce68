/* page.c: see page.h. Owns nothing. */
#include "runtime/cli/page.h"

#include <string.h>

#include "runtime/base/shell.h"

/* An option is at most RY_OPTION_TEXT_MAX long; quotes make four bytes of one. */
#define COMMAND_MAX_BYTES ((size_t)64 * 1024)

static bool is_any(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static void print_url(const char *address, int64_t port, char url[RY_PAGE_URL_BYTES])
{
    bool any = is_any(address);
    bool six = !any && strchr(address, ':') != NULL;
    (void)snprintf(url, RY_PAGE_URL_BYTES, "http://%s%s%s:%lld/", six ? "[" : "", any ? "localhost" : address,
                   six ? "]" : "", (long long)port);
}

void ry_page_of_config(const struct ry_config *config, char url[RY_PAGE_URL_BYTES])
{
    int64_t port = ry_config_int(config, RY_OPT_http_port);
    url[0] = '\0';
    if (port != 0)
        print_url(ry_config_str(config, RY_OPT_http_bind), port, url);
}

static bool has_monitor(const struct ry_node_state *node)
{
    for (size_t i = 0; i < node->instances.n; i++)
        if (ry_str_is(node->instances.items[i].role, ry_role_name(RY_ROLE_MONITOR)))
            return true;
    return false;
}

/* A page that listens on every address is reached by this host's own name. */
static void take_url(struct ry_str text, char url[RY_PAGE_URL_BYTES])
{
    static const struct {
        const char *listens;
        const char *reached;
    } any[] = {{"http://0.0.0.0:", "http://localhost:"}, {"http://[::]:", "http://localhost:"}};
    const char *front = "";
    for (size_t i = 0; i < sizeof any / sizeof *any; i++) {
        struct ry_str listens = ry_str_of(any[i].listens);
        if (ry_str_starts(text, listens)) {
            front = any[i].reached;
            text = (struct ry_str){text.p + listens.n, text.n - listens.n};
        }
    }
    (void)snprintf(url, RY_PAGE_URL_BYTES, "%s%.*s", front, RY_STR_ARG(text));
}

void ry_page_ask(struct ry_page *page, struct ry_session *session)
{
    const struct ry_node_get node_get = {.end_ = 0};
    const struct ry_page_get page_get = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    *page = (struct ry_page){.joined = session->node == NULL};
    if (!page->joined || ry_session_ask(session, RY_TAG_node_get, &node_get, &answer, NULL) != RY_OK)
        return;
    /* A monitor elsewhere, which a relay would ask, tells of another host. */
    page->known = !has_monitor(RY_BODY(answer, node_state));
    if (page->known || ry_session_ask(session, RY_TAG_page_get, &page_get, &answer, NULL) != RY_OK)
        return;
    page->known = true;
    take_url(RY_BODY(answer, page_got)->url, page->url);
}

static void tell_node(FILE *out, const struct ry_page *page)
{
    if (*page->url)
        (void)fprintf(out, "To look at it: %s\n", page->url);
    else if (page->known)
        (void)fprintf(out, "The running node has no web page; start it with --http-port to enable it.\n");
}

void ry_page_tell(FILE *out, const struct ry_config *config, const struct ry_page *page)
{
    static const struct {
        enum ry_option option;
        const char *flag;
    } flags[] = {{RY_OPT_http_bind, "http-bind"}, {RY_OPT_http_port, "http-port"}};
    char url[RY_PAGE_URL_BYTES];
    ry_page_of_config(config, url);
    if (page->joined) {
        tell_node(out, page);
        return;
    }
    if (*url == '\0')
        return;
    RY_BUF_AUTO command = ry_buf_make(COMMAND_MAX_BYTES);
    (void)ry_buf_add_str(&command, RY_STR("reelyard run --data "));
    ry_shell_word(&command, ry_str_of(ry_config_str(config, RY_OPT_data)));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (ry_config_source(config, flags[i].option) != RY_SOURCE_FLAG)
            continue;
        (void)ry_buf_addf(&command, " --%s ", flags[i].flag);
        ry_shell_word(&command, ry_str_of(ry_config_text(config, flags[i].option)));
    }
    (void)fprintf(out, "To look at it: %s, then %s\n", ry_buf_cstr(&command), url);
}
