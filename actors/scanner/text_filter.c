/* text_filter.c: PCRE2, held to a budget by its callouts.
 *
 * PCRE2's own match limit begins anew at every place that a search starts at, so a text of n characters may cost n
 * times as much. The translation of a pattern (pyregex.h) has callouts in it; each is counted, and now and then one
 * looks at the clock. Reading the thread's clock takes up to a microsecond, more than an ordinary search: so the first
 * look comes late, and further ones come as the time between them tells. */
#include "actors/scanner/text_filter.h"

#include "actors/scanner/pyregex.h"
#include "runtime/base/assert.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <time.h>

/* For one search. */
#define CALLOUTS_MAX    1000000
#define START_STEPS_MAX 1000000 /* PCRE2's match limit, of one place to start at */
#define DEPTH_MAX       10000
#define HEAP_MAX_KIB    16384
#define JIT_STACK_BYTES ((size_t)32 * 1024)
#define JIT_STACK_MAX   ((size_t)512 * 1024)
/* Compiling larger code to machine code takes longer than searching with it saves. */
#define JIT_CODE_MAX ((size_t)16 * 1024)

/* Callouts until the clock is read for the first time: in a long text, one step may take long. */
#define LONG_TEXT_BYTES  512
#define STRIDE_SHORT     64
#define STRIDE_LONG      8
#define STRIDE_MAX       4096
#define LOOK_OFTENER_NS  500000
#define LOOK_SELDOMER_NS 100000

#define STOPPED (-1000) /* what a callout returns; PCRE2's own errors are above -100 */

struct text_filter {
    pcre2_code *code;
};

struct text_searcher {
    struct text_clock clock;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
    /* Of the search under way. */
    uint64_t callouts;
    uint64_t next_look; /* at this callout */
    uint64_t stride;
    bool timed;
    int64_t began_ns, looked_ns;
    int64_t left_ns;
};

static int64_t thread_ns(void *arg)
{
    (void)arg;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

const struct text_clock *text_clock_thread(void)
{
    static const struct text_clock thread_clock = {thread_ns, NULL};
    return &thread_clock;
}

/* ---- patterns ---------------------------------------------------------------------------------------------------- */

static void compile_to_machine_code(pcre2_code *code)
{
    size_t bytes = 0;
    (void)pcre2_pattern_info(code, PCRE2_INFO_SIZE, &bytes);
    if (bytes <= JIT_CODE_MAX)
        (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* refused: it is interpreted */
}

static int compile(const char *setting, struct ry_str translated, pcre2_code **code, struct ry_error *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %s", setting);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int number = 0;
    PCRE2_SIZE at = 0;
    *code = pcre2_compile((PCRE2_SPTR)translated.p, translated.n, PCRE2_UTF, &number, &at, context);
    pcre2_compile_context_free(context);
    if (*code != NULL)
        return RY_OK;
    if (number == PCRE2_ERROR_HEAP_FAILED)
        return ry_fail(err, RY_ENOMEM, "no memory for %s", setting);
    PCRE2_UCHAR text[120] = "";
    (void)pcre2_get_error_message(number, text, sizeof text);
    return ry_fail(err, RY_EINVAL, "%s is not a valid regular expression: %s", setting, (const char *)text);
}

int text_filter_compile(const char *setting, struct ry_str pattern, struct text_filter **filter, struct ry_error *err)
{
    RY_BUF_AUTO translated = ry_buf_make(PYREGEX_OUT_BYTES_MAX);
    struct ry_error why = {0};
    *filter = NULL;
    int rc = pyregex_translate(pattern, &translated, &why);
    if (rc == RY_ENOMEM)
        return ry_fail(err, rc, "no memory for %s", setting);
    if (rc != RY_OK)
        return ry_fail(err, RY_EINVAL, "%s is not a valid regular expression: %s", setting, why.text);
    struct text_filter *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %s", setting);
    rc = compile(setting, ry_buf_str(&translated), &made->code, err);
    if (rc != RY_OK) {
        text_filter_free(&made);
        return rc;
    }
    compile_to_machine_code(made->code);
    *filter = made;
    return RY_OK;
}

void text_filter_free(struct text_filter **filter)
{
    struct text_filter *self = *filter;
    *filter = NULL;
    if (self == NULL)
        return;
    pcre2_code_free(self->code);
    free(self);
}

/* ---- searching --------------------------------------------------------------------------------------------------- */

/* Whether the search's time is over. */
static bool look_at_clock(struct text_searcher *self)
{
    int64_t now_ns = self->clock.now_ns(self->clock.arg);
    if (!self->timed) {
        self->timed = true;
        self->began_ns = now_ns;
    } else if (now_ns - self->looked_ns > LOOK_OFTENER_NS) {
        self->stride = self->stride > 1 ? self->stride / 2 : 1;
    } else if (now_ns - self->looked_ns < LOOK_SELDOMER_NS) {
        self->stride = self->stride < STRIDE_MAX ? self->stride * 2 : STRIDE_MAX;
    }
    self->looked_ns = now_ns;
    self->next_look = self->callouts + self->stride;
    return now_ns - self->began_ns >= self->left_ns;
}

static int on_callout(pcre2_callout_block *block, void *arg)
{
    struct text_searcher *self = arg;
    (void)block;
    if (++self->callouts < self->next_look)
        return 0;
    return self->callouts >= CALLOUTS_MAX || look_at_clock(self) ? STOPPED : 0;
}

int text_searcher_new(struct text_searcher **searcher, const struct text_clock *clock, struct ry_error *err)
{
    struct text_searcher *made = calloc(1, sizeof *made);
    *searcher = made;
    if (made != NULL) {
        made->clock = *clock;
        made->match = pcre2_match_data_create(1, NULL);
        made->limits = pcre2_match_context_create(NULL);
    }
    if (made == NULL || made->match == NULL || made->limits == NULL) {
        text_searcher_free(searcher);
        return ry_fail(err, RY_ENOMEM, "no memory for searches");
    }
    (void)pcre2_set_match_limit(made->limits, START_STEPS_MAX);
    (void)pcre2_set_depth_limit(made->limits, DEPTH_MAX);
    (void)pcre2_set_heap_limit(made->limits, HEAP_MAX_KIB);
    (void)pcre2_set_callout(made->limits, on_callout, made);
    made->stack = pcre2_jit_stack_create(JIT_STACK_BYTES, JIT_STACK_MAX, NULL); /* NULL: there is no machine code */
    if (made->stack != NULL)
        pcre2_jit_stack_assign(made->limits, NULL, made->stack);
    return RY_OK;
}

void text_searcher_free(struct text_searcher **searcher)
{
    struct text_searcher *self = *searcher;
    *searcher = NULL;
    if (self == NULL)
        return;
    pcre2_match_data_free(self->match);
    pcre2_match_context_free(self->limits);
    pcre2_jit_stack_free(self->stack);
    free(self);
}

enum text_found text_filter_search(const struct text_filter *filter, struct text_searcher *searcher, struct ry_str text,
                                   int64_t *left_ns)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.p ? text.p : "");
    RY_ASSERT(filter != NULL && *left_ns >= 0);
    searcher->callouts = 0;
    searcher->stride = text.n > LONG_TEXT_BYTES ? STRIDE_LONG : STRIDE_SHORT;
    searcher->next_look = searcher->stride;
    searcher->timed = false;
    searcher->left_ns = *left_ns;
    int rc = pcre2_match(filter->code, subject, text.n, 0, 0, searcher->match, searcher->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter's memory is the heap; the budget goes on */
        rc = pcre2_match(filter->code, subject, text.n, 0, PCRE2_NO_JIT, searcher->match, searcher->limits);
    if (searcher->timed) {
        int64_t took_ns = searcher->clock.now_ns(searcher->clock.arg) - searcher->began_ns;
        *left_ns = took_ns < *left_ns ? *left_ns - took_ns : 0;
    }
    if (rc >= 0)
        return TEXT_FOUND;
    return rc == PCRE2_ERROR_NOMATCH ? TEXT_ABSENT : TEXT_GIVEN_UP;
}
