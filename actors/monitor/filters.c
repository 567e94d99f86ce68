/* filters.c: the filters of the page of clips, from the templates filters.html, select.html, facets.html and their parts.
 *
 * Owns nothing; writes into the caller's buffer. Without script the form has a button and the lists are links; with it,
 * each choice takes effect at once. */
#include "actors/monitor/filters.h"

#include "actors/monitor/html.h"
#include "actors/monitor/page.h"
#include "actors/monitor/template.h"

/* Of a list, what stands open; the rest is behind a fold. */
#define FACETS_SHOWN 8

static const struct ry_str absent = {NULL, 0};

struct choice {
    const char *value;
    const char *label;
};

struct filter {
    enum link_arg arg;
    const char *label; /* of the field, and in a chip */
    struct choice choices[8];
};

static const struct filter filters[] = {
    {LINK_SORT,
     "Order",
     {{"", "Newest first"},
      {"newest", "Newest first"},
      {"oldest", "Oldest first"},
      {"longest", "Longest first"},
      {"largest", "Largest first"},
      {"relevance", "Best match first"}}},
    {LINK_STATUS,
     "State",
     {{"", "Any"},
      {"completed", "With thumbnail"},
      {"pending", "Waiting"},
      {"processing", "In progress"},
      {"failed", "Failed"}}},
    {LINK_LONGER,
     "At least",
     {{"", "Any length"},
      {"10s", "10 seconds"},
      {"30s", "30 seconds"},
      {"1m", "1 minute"},
      {"5m", "5 minutes"},
      {"30m", "30 minutes"}}},
    {LINK_SHORTER,
     "At most",
     {{"", "Any length"},
      {"10s", "10 seconds"},
      {"30s", "30 seconds"},
      {"1m", "1 minute"},
      {"5m", "5 minutes"},
      {"30m", "30 minutes"}}},
    {LINK_LARGER,
     "Larger than",
     {{"", "Any size"}, {"1M", "1 MB"}, {"10M", "10 MB"}, {"100M", "100 MB"}, {"1G", "1 GB"}}},
    {LINK_SMALLER,
     "Smaller than",
     {{"", "Any size"}, {"1M", "1 MB"}, {"10M", "10 MB"}, {"100M", "100 MB"}, {"1G", "1 GB"}}},
    {LINK_ORIENTATION,
     "Shape",
     {{"", "Any"}, {"landscape", "Landscape"}, {"portrait", "Portrait"}, {"square", "Square"}}},
    {LINK_KEPT, "Original", {{"", "Any"}, {"yes", "Kept here"}, {"no", "Not kept here"}}},
};
#define FILTERS         (sizeof filters / sizeof filters[0])
#define FILTERS_CHOICES (sizeof filters[0].choices / sizeof filters[0].choices[0])
/* Those that stand open; the others are behind a fold. */
#define FILTERS_FIRST 2

/* ---- the form ---------------------------------------------------------------------------------------------------- */

static void add_option(struct ry_str value, struct ry_str label, bool chosen, struct ry_buf *out)
{
    const struct slot slots[] = {SLOT_TEXT("value", value), SLOT_TEXT("label", label), SLOT_IF("chosen", chosen)};
    TEMPLATE_FILL("option", slots, out);
}

/* A state with the number of clips in it, where that is known. */
static void add_label(const struct filter *filter, const struct choice *choice, const struct ry_facets_page *facets,
                      struct ry_buf *out)
{
    (void)ry_buf_add_str(out, ry_str_of(choice->label));
    for (size_t i = 0; filter->arg == LINK_STATUS && facets && i < facets->states.n; i++)
        if (ry_str_is(facets->states.items[i].id, choice->value)) {
            (void)ry_buf_add_str(out, RY_STR(" ("));
            html_count(out, facets->states.items[i].count);
            (void)ry_buf_add_str(out, facets->more ? RY_STR("+)") : RY_STR(")"));
        }
}

static void add_select(const struct links *links, const struct filter *filter, const struct ry_facets_page *facets,
                       struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *options = piece(&pieces);
    struct ry_str current = links->values[filter->arg];
    bool known = false;
    for (size_t i = 0; i < FILTERS_CHOICES && filter->choices[i].value; i++) {
        const struct choice *choice = &filter->choices[i];
        struct ry_str value = ry_str_of(choice->value);
        bool searching = links->values[LINK_QUERY].n > 0;
        bool chosen = value.n == current.n && (value.n == 0 || ry_str_eq(value, current));
        RY_BUF_AUTO label = ry_buf_make(200);
        /* What no order means depends on whether words are searched for. */
        if (filter->arg == LINK_SORT && (searching ? i == 5 : i == 1))
            continue;
        if (filter->arg == LINK_SORT && i == 0 && searching)
            (void)ry_buf_add_str(&label, RY_STR("Best match first"));
        else if (filter->arg == LINK_SORT && i == 5)
            continue;
        else
            add_label(filter, choice, facets, &label);
        known = known || chosen;
        add_option(value, ry_buf_str(&label), chosen, options);
    }
    if (!known)
        add_option(current, current, true, options);
    const struct slot slots[] = {SLOT_TEXT("label", ry_str_of(filter->label)),
                                 SLOT_TEXT("name", ry_str_of(link_name(filter->arg))),
                                 SLOT_HTML("options", ry_buf_str(options))};
    TEMPLATE_FILL("select", slots, out);
}

static void add_day(const struct links *links, enum link_arg arg, const char *label, struct ry_buf *out)
{
    const struct slot slots[] = {SLOT_TEXT("label", ry_str_of(label)), SLOT_TEXT("name", ry_str_of(link_name(arg))),
                                 SLOT_TEXT("value", links->values[arg])};
    TEMPLATE_FILL("day", slots, out);
}

/* ---- the lists --------------------------------------------------------------------------------------------------- */

static void add_facet(const struct links *links, enum link_arg arg, const struct ry_facet *facet, bool more,
                      struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *href = piece(&pieces);
    struct ry_buf *count = piece(&pieces);
    bool chosen = ry_str_eq(links->values[arg], facet->id);
    struct links narrowed = link_with(links, arg, chosen ? absent : facet->id);
    /* A channel belongs to one server. */
    if (arg == LINK_GUILD)
        narrowed.values[LINK_CHANNEL] = absent;
    link_add("/", &narrowed, href);
    html_count(count, facet->count);
    if (more)
        (void)ry_buf_add_str(count, RY_STR("+"));
    const struct slot slots[] = {SLOT_TEXT("href", ry_buf_str(href)), SLOT_IF("chosen", chosen),
                                 SLOT_TEXT("name", facet->name.n > 0 ? facet->name : facet->id),
                                 SLOT_TEXT("count", ry_buf_str(count))};
    TEMPLATE_FILL("facet", slots, out);
}

static void add_facets(const struct links *links, enum link_arg arg, const char *name, const struct ry_facet *items,
                       size_t n, bool more, struct ry_buf *out)
{
    if (n == 0)
        return;
    PIECES_AUTO pieces = {0};
    struct ry_buf *shown = piece(&pieces);
    struct ry_buf *folded = piece(&pieces);
    for (size_t i = 0; i < n; i++)
        add_facet(links, arg, &items[i], more, i < FACETS_SHOWN ? shown : folded);
    const struct slot slots[] = {SLOT_TEXT("name", ry_str_of(name)), SLOT_HTML("items", ry_buf_str(shown)),
                                 SLOT_HTML("folded", ry_buf_str(folded))};
    TEMPLATE_FILL("facets", slots, out);
}

void filters_add(const struct links *links, const struct ry_facets_page *facets, struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *hidden = piece(&pieces);
    struct ry_buf *first = piece(&pieces);
    struct ry_buf *rest = piece(&pieces);
    struct ry_buf *lists = piece(&pieces);
    unsigned fields = 1u << LINK_FROM | 1u << LINK_TO;
    bool open = links->values[LINK_FROM].n > 0 || links->values[LINK_TO].n > 0;
    if (facets && (facets->error.n > 0 || facets->refused.n > 0))
        facets = NULL;
    for (size_t i = 0; i < FILTERS; i++) {
        fields |= 1u << filters[i].arg;
        open = open || (i >= FILTERS_FIRST && links->values[filters[i].arg].n > 0);
        add_select(links, &filters[i], facets, i < FILTERS_FIRST ? first : rest);
    }
    add_day(links, LINK_FROM, "Posted from", rest);
    add_day(links, LINK_TO, "Posted before", rest);
    link_hidden(links, fields, hidden);
    if (facets) {
        add_facets(links, LINK_GUILD, "Servers", facets->guilds.items, facets->guilds.n, facets->more, lists);
        add_facets(links, LINK_CHANNEL, "Channels", facets->channels.items, facets->channels.n, facets->more, lists);
        add_facets(links, LINK_AUTHOR, "People", facets->authors.items, facets->authors.n, facets->more, lists);
    }
    const struct slot slots[] = {SLOT_HTML("hidden", ry_buf_str(hidden)), SLOT_HTML("selects", ry_buf_str(first)),
                                 SLOT_HTML("more", ry_buf_str(rest)), SLOT_IF("open", open),
                                 SLOT_HTML("facets", ry_buf_str(lists))};
    TEMPLATE_FILL("filters", slots, out);
}

/* ---- in force ---------------------------------------------------------------------------------------------------- */

static void add_chip(const struct links *links, enum link_arg arg, const char *kind, struct ry_str name,
                     struct ry_buf *out)
{
    if (links->values[arg].n == 0)
        return;
    PIECES_AUTO pieces = {0};
    struct ry_buf *href = piece(&pieces);
    struct links without = link_with(links, arg, absent);
    link_add("/", &without, href);
    const struct slot slots[] = {SLOT_TEXT("href", ry_buf_str(href)), SLOT_TEXT("kind", ry_str_of(kind)),
                                 SLOT_TEXT("name", name.n > 0 ? name : links->values[arg])};
    TEMPLATE_FILL("chip", slots, out);
}

static struct ry_str name_in(const struct ry_facet *items, size_t n, struct ry_str id, struct ry_str otherwise)
{
    for (size_t i = 0; i < n; i++)
        if (ry_str_eq(items[i].id, id) && items[i].name.n > 0)
            return items[i].name;
    return otherwise;
}

static struct ry_str label_of(const struct filter *filter, struct ry_str value)
{
    for (size_t i = 0; i < FILTERS_CHOICES && filter->choices[i].value; i++)
        if (ry_str_is(value, filter->choices[i].value))
            return ry_str_of(filter->choices[i].label);
    return value;
}

void filters_add_chips(const struct links *links, const struct ry_facets_page *facets,
                       const struct ry_gallery_page *page, struct ry_buf *out)
{
    static const struct ry_facets_page none = {0};
    const struct ry_facets_page *known = facets ? facets : &none;
    const struct ry_str *values = links->values;
    const struct ry_gallery_clip *first = page->clips.n ? &page->clips.items[0] : NULL;
    add_chip(links, LINK_GUILD, "Server",
             name_in(known->guilds.items, known->guilds.n, values[LINK_GUILD], first ? first->guild_name : absent),
             out);
    add_chip(
        links, LINK_CHANNEL, "Channel",
        name_in(known->channels.items, known->channels.n, values[LINK_CHANNEL], first ? first->channel_name : absent),
        out);
    add_chip(links, LINK_AUTHOR, "By",
             name_in(known->authors.items, known->authors.n, values[LINK_AUTHOR], first ? first->author_name : absent),
             out);
    for (size_t i = 0; i < FILTERS; i++)
        if (filters[i].arg != LINK_SORT)
            add_chip(links, filters[i].arg, filters[i].label, label_of(&filters[i], values[filters[i].arg]), out);
    add_chip(links, LINK_FROM, "From", absent, out);
    add_chip(links, LINK_TO, "Before", absent, out);
}
