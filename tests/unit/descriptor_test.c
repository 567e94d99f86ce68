/* descriptor_test.c: what messages.def declares is consistent, has no cycle, and does not change unnoticed.
 *
 * tests/unit/golden/messages.txt holds every descriptor and the bytes of one sample of each message. A difference means
 * that nodes of two versions may not understand each other. When that is meant:
 *   REELYARD_GOLDEN=write REELYARD_SOURCE=$PWD build/tests/unit_descriptor_test
 * and read the difference before committing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/envelope.h"
#include "tests/bed/sample.h"

static bool one_bit(uint32_t bits)
{
    return bits != 0 && (bits & (bits - 1)) == 0;
}

static void descriptors_stand_by_rising_tag_and_are_found_by_it(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    assert_true(count > 0);
    size_t found = 0;
    for (unsigned tag = 0; tag <= UINT16_MAX; tag++)
        if (ry_descriptor(tag)) {
            assert_true(found < count);
            assert_ptr_equal(ry_descriptor(tag), &descriptors[found]);
            assert_int_equal(descriptors[found].tag, tag);
            found++;
        }
    assert_int_equal(found, count);
    assert_null(ry_descriptor(RY_TAG_NONE));
    assert_null(ry_descriptor(UINT32_MAX));
}

static void check_described(const struct ry_record *record)
{
    if (record->doc == NULL || *record->doc == '\0')
        fail_msg("%s has no description", record->name);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        if (field->doc == NULL || *field->doc == '\0')
            fail_msg("%s.%s has no description", record->name, field->name);
        if (field->record)
            check_described(field->record);
    }
}

/* docs/MESSAGES.md is made of them. A description that two messages share was copied, and is wrong of one. */
static void every_message_and_field_has_a_description_and_each_message_its_own(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        check_described(&d[i].record);
        for (size_t other = 0; other < i; other++)
            if (strcmp(d[i].record.doc, d[other].record.doc) == 0)
                fail_msg("%s and %s have the same description", d[other].record.name, d[i].record.name);
    }
}

static void mail_for_a_mailbox_goes_to_exactly_one_role(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        bool to_mailbox = d[i].kind == RY_KIND_REQUEST || d[i].kind == RY_KIND_ASK || d[i].kind == RY_KIND_EVENT;
        assert_true(d[i].senders != 0 && d[i].receivers != 0);
        assert_true(d[i].senders < RY_ROLE_BIT(RY_ROLE_COUNT) && d[i].receivers < RY_ROLE_BIT(RY_ROLE_COUNT));
        if (to_mailbox && !one_bit(d[i].receivers))
            fail_msg("%s goes to more than one role", d[i].record.name);
        enum ry_role role = ry_descriptor_role(&d[i]);
        assert_true(one_bit(d[i].receivers) ? RY_ROLE_BIT(role) == d[i].receivers : role == RY_ROLE_NONE);
        for (size_t f = 0; f < d[i].record.field_count; f++)
            if ((d[i].record.fields[f].flags & RY_FLAG_VERSION) && (d[i].senders & ~RY_ROLES_CONFINED))
                fail_msg("%s: only what confined roles say has a VERSION, which the router writes", d[i].record.name);
        bool of_router = ((d[i].senders | d[i].receivers) & RY_ROLE_BIT(RY_ROLE_ROUTER)) != 0;
        if (of_router != (d[i].kind == RY_KIND_CONTROL) && d[i].tag != RY_TAG_mail_dead)
            fail_msg("%s: CONTROL is what the router sends or receives", d[i].record.name);
    }
}

static void check_limits(const struct ry_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *f = &record->fields[i];
        bool ordered = f->type == RY_FIELD_I64   ? f->min.i <= f->max.i
                       : f->type == RY_FIELD_F64 ? f->min.f <= f->max.f
                                                 : f->min.u <= f->max.u;
        if (!ordered)
            fail_msg("%s.%s: min is above max", record->name, f->name);
        if ((f->flags & RY_FLAG_REQUIRED) && f->type != RY_FIELD_STR && f->type != RY_FIELD_BLOB)
            fail_msg("%s.%s: only a string or blob is REQUIRED", record->name, f->name);
        if ((f->flags & RY_FLAG_LOCAL) && f->type != RY_FIELD_STR && f->type != RY_FIELD_BOOL)
            fail_msg("%s.%s: only a string or truth value is LOCAL", record->name, f->name);
        if ((f->flags & RY_FLAG_LOCAL) && (f->flags & RY_FLAG_REQUIRED))
            fail_msg("%s.%s: what is left out between nodes cannot be REQUIRED", record->name, f->name);
        if ((f->flags & RY_FLAG_VERSION) && (f->type != RY_FIELD_STR || f->max.u >= RY_VERSION_BYTES))
            fail_msg("%s.%s: only a string of less than %d bytes is a VERSION", record->name, f->name,
                     RY_VERSION_BYTES);
        if (f->type == RY_FIELD_STR && f->max.u > RY_ENVELOPE_MAX_BYTES / 2)
            fail_msg("%s.%s: so long a string should be a BLOB", record->name, f->name);
        assert_true((f->record != NULL) == (f->type == RY_FIELD_LIST));
        assert_true(f->offset < record->size);
        if (f->record)
            check_limits(f->record);
    }
}

static void limits_are_in_order_and_flags_where_they_mean_something(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++)
        check_limits(&descriptors[i].record);
}

/* ---- capabilities ------------------------------------------------------------------------------------------------ */

static bool is_confined(const struct ry_descriptor *d)
{
    return (d->senders & RY_ROLES_CONFINED) != 0;
}

/* Whether an instance that holds mail of this tag may say it. */
static bool may_hold(uint32_t senders, unsigned tag)
{
    const struct ry_descriptor *mail = ry_descriptor(tag);
    return mail != NULL && (senders & mail->receivers) == senders;
}

static void what_confined_roles_say_belongs_to_a_conversation_or_is_bounded_and_about_nothing(void **state)
{
    (void)state;
    size_t count = 0, seen = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        const struct ry_capability *may = d[i].may;
        if (!is_confined(&d[i]))
            continue;
        seen++;
        if (may->right == RY_RIGHT_FREE && (may->most == 0 || ry_descriptor_subject(&d[i]) != NULL))
            fail_msg("%s: a confined role may say it of itself, so it needs a limit and no subject", d[i].record.name);
        if ((may->right == RY_RIGHT_ANSWER || may->right == RY_RIGHT_FOLLOW) && may->most == 0)
            fail_msg("%s: a confined role may say it any number of times", d[i].record.name);
    }
    assert_true(seen >= 5);
}

static void a_conversation_is_had_by_those_who_are_given_its_mail(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        const struct ry_capability *may = d[i].may;
        bool of_mail = may->right == RY_RIGHT_ANSWER || may->right == RY_RIGHT_FOLLOW;
        bool request = d[i].kind == RY_KIND_REQUEST || d[i].kind == RY_KIND_ASK || d[i].kind == RY_KIND_EVENT;
        uint32_t bound = request ? d[i].senders & ~RY_ROLES_SOURCES : d[i].senders;
        if (of_mail != (may->within[0] != RY_TAG_NONE))
            fail_msg("%s: a conversation has a mail, and nothing else has", d[i].record.name);
        if (d[i].kind == RY_KIND_ANSWER && !of_mail)
            fail_msg("%s: an ANSWER belongs to a conversation", d[i].record.name);
        for (size_t w = 0; w < RY_CAPABILITY_WITHIN_MAX && may->within[w] != RY_TAG_NONE; w++) {
            const struct ry_descriptor *mail = ry_descriptor(may->within[w]);
            if (!may_hold(bound, may->within[w]))
                fail_msg("%s: a sender of it is never given %s", d[i].record.name, mail->record.name);
            if (may->right == RY_RIGHT_ANSWER && d[i].kind != RY_KIND_ANSWER)
                fail_msg("%s answers, but is not an ANSWER", d[i].record.name);
            bool asked = may->right == RY_RIGHT_ANSWER && mail->kind != RY_KIND_CONTROL; /* the router passes that on */
            if (asked && (mail->senders & ~d[i].receivers) != 0)
                fail_msg("%s does not go to all who may say %s", d[i].record.name, mail->record.name);
            const struct ry_field *subject = ry_descriptor_subject(&d[i]), *of_mails = ry_descriptor_subject(mail);
            if (subject && of_mails && strcmp(subject->name, of_mails->name) != 0)
                fail_msg("%s and %s have different kinds of subject", d[i].record.name, mail->record.name);
            if (may->crosses && !mail->may->crosses && bound == d[i].senders && mail->kind != RY_KIND_CONTROL &&
                may->right == RY_RIGHT_ANSWER)
                fail_msg("%s crosses nodes, but what it answers does not", d[i].record.name);
        }
        if (may->after != RY_TAG_NONE && ry_descriptor(may->after)->may->within[0] != may->within[0])
            fail_msg("%s comes after what belongs to another conversation", d[i].record.name);
    }
}

/* The router counts them in a mail, which has room for two kinds (MAIL_SAID_KINDS). */
static void of_one_mail_follow_at_most_two_kinds_of_limited_number(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t m = 0; m < count; m++) {
        unsigned kinds = 0;
        for (size_t i = 0; i < count; i++)
            for (size_t w = 0; w < RY_CAPABILITY_WITHIN_MAX; w++)
                kinds += d[i].may->within[w] == d[m].tag && d[i].may->right == RY_RIGHT_FOLLOW && d[i].may->most > 0;
        if (kinds > 2)
            fail_msg("%u kinds of limited number follow from %s", kinds, d[m].record.name);
    }
    for (size_t i = 0; i < count; i++)
        if (d[i].may->after != RY_TAG_NONE)
            assert_true(ry_descriptor(d[i].may->after)->may->most > 0); /* it is counted */
}

static void a_subject_is_a_string_that_must_be_there(void **state)
{
    (void)state;
    size_t count = 0, seen = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        const struct ry_field *subject = ry_descriptor_subject(&d[i]);
        if (subject == NULL)
            continue;
        seen++;
        if (subject->type != RY_FIELD_STR || !(subject->flags & RY_FLAG_REQUIRED))
            fail_msg("%s.%s may be absent", d[i].record.name, subject->name);
        const struct ry_field *outer = &d[i].record.fields[d[i].may->subject];
        if (outer != subject && (outer->type != RY_FIELD_LIST || outer->min.u != 1 || outer->max.u != 1))
            fail_msg("%s.%s has not exactly one item", d[i].record.name, outer->name);
    }
    assert_true(seen >= 10);
}

static void the_subject_is_found_in_a_packed_body(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        RY_ARENA_AUTO arena = ry_arena_make((size_t)16 << 20);
        RY_BUF_AUTO body = ry_buf_make((size_t)1 << 20);
        struct ry_frames owned = {.n = 0};
        struct ry_frames frames = {.n = 0};
        const char *sample = sample_make(&d[i], SAMPLE_TYPICAL, &arena, &owned);
        assert_int_equal(ry_pack(&d[i], sample, &body, &frames, NULL), RY_OK);
        struct ry_str found = ry_subject_of(&d[i], ry_buf_str(&body));
        const struct ry_field *subject = ry_descriptor_subject(&d[i]);
        if (subject != NULL) {
            const struct ry_field *outer = &d[i].record.fields[d[i].may->subject];
            const char *in = outer == subject ? sample : *(const char *const *)(const void *)(sample + outer->offset);
            assert_true(ry_str_eq(found, *(const struct ry_str *)(const void *)(in + subject->offset)));
        } else {
            assert_null(found.p);
        }
        for (size_t cut = 0; cut < body.n && cut < 64; cut++) /* whatever there is of it */
            (void)ry_subject_of(&d[i], (struct ry_str){body.p, cut});
        ry_frames_clear(&frames);
        ry_frames_clear(&owned);
    }
}

static void check_local(const char *message, const struct ry_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *f = &record->fields[i];
        bool folder = strstr(f->name, "media_root") != NULL || strstr(f->name, "local_") != NULL;
        if (folder != ((f->flags & RY_FLAG_LOCAL) != 0))
            fail_msg("%s: %s.%s: folders and files of a node are LOCAL, and nothing else", message, record->name,
                     f->name);
        if ((f->flags & RY_FLAG_LOCAL) && (f->flags & RY_FLAG_REQUIRED))
            fail_msg("%s.%s cannot be left out", record->name, f->name);
        if (f->record)
            check_local(message, f->record);
    }
}

/* What deletes, what replays, and what is said to a router never comes from another node. */
static void purges_deletions_and_control_stay_on_their_node(void **state)
{
    (void)state;
    static const enum ry_tag STAY[] = {RY_TAG_purge,       RY_TAG_files_delete, RY_TAG_clips_archive, RY_TAG_job_run,
                                       RY_TAG_mail_replay, RY_TAG_heap_get,     RY_TAG_page_get};
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        check_local(d[i].record.name, &d[i].record);
        if (d[i].kind == RY_KIND_CONTROL && d[i].may->crosses)
            fail_msg("%s crosses nodes", d[i].record.name);
    }
    for (size_t i = 0; i < sizeof STAY / sizeof *STAY; i++)
        assert_false(ry_descriptor(STAY[i])->may->crosses);
}

/* ---- no cycle ---------------------------------------------------------------------------------------------------- */

/* next[role]: the roles that it may send requests to. What the router sends counts not: it waits for nobody. */
static void request_graph(uint32_t next[RY_ROLE_COUNT])
{
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++)
        if (d[i].kind == RY_KIND_REQUEST || d[i].kind == RY_KIND_ASK)
            for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
                if ((d[i].senders & RY_ROLE_BIT(role)) && role != RY_ROLE_ROUTER)
                    next[role] |= d[i].receivers;
}

static void requests_flow_one_way_so_that_no_mailbox_waits_for_itself(void **state)
{
    (void)state;
    uint32_t next[RY_ROLE_COUNT] = {0};
    request_graph(next);
    assert_true(next[RY_ROLE_SCANNER] & RY_ROLE_BIT(RY_ROLE_WRITER));
    assert_int_equal(next[RY_ROLE_WRITER], 0);
    uint32_t settled = 0; /* roles from which no way leads back */
    for (unsigned round = 0; round < RY_ROLE_COUNT; round++)
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
            if ((next[role] & ~settled) == 0)
                settled |= RY_ROLE_BIT(role);
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (!(settled & RY_ROLE_BIT(role)))
            fail_msg("%s is on a cycle of requests", ry_role_name((enum ry_role)role));
}

static void every_role_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        for (unsigned other = 0; other < role; other++)
            assert_string_not_equal(ry_role_name((enum ry_role)role), ry_role_name((enum ry_role)other));
    assert_string_equal(ry_role_name((enum ry_role)63), "none");
}

/* ---- the golden file --------------------------------------------------------------------------------------------- */

static void print_roles(uint32_t bits, struct ry_buf *out)
{
    const char *comma = "";
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (bits & RY_ROLE_BIT(role)) {
            (void)ry_buf_addf(out, "%s%s", comma, ry_role_name((enum ry_role)role));
            comma = ",";
        }
}

static void print_fields(const struct ry_record *record, int depth, struct ry_buf *out)
{
    static const char *const types[] = {"str", "u64", "i64", "f64", "bool", "blob", "strs", "list"};
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *f = &record->fields[i];
        (void)ry_buf_addf(out, "%*s%s %s ", depth * 2, "", types[f->type], f->name);
        if (f->type == RY_FIELD_I64)
            (void)ry_buf_addf(out, "%" PRId64 "..%" PRId64, f->min.i, f->max.i);
        else if (f->type == RY_FIELD_F64)
            (void)ry_buf_addf(out, "%g..%g", f->min.f, f->max.f);
        else
            (void)ry_buf_addf(out, "%" PRIu64 "..%" PRIu64, f->min.u, f->max.u);
        (void)ry_buf_addf(out, "%s%s%s%s%s\n", f->flags & RY_FLAG_REQUIRED ? " REQUIRED" : "",
                          f->flags & RY_FLAG_SECRET ? " SECRET" : "", f->flags & RY_FLAG_SNOWFLAKE ? " SNOWFLAKE" : "",
                          f->flags & RY_FLAG_URL ? " URL" : "", f->flags & RY_FLAG_LOCAL ? " LOCAL" : "");
        if (f->record) {
            (void)ry_buf_addf(out, "%*sof %s\n", depth * 2 + 2, "", f->record->name);
            print_fields(f->record, depth + 2, out);
        }
    }
}

static void print_bytes(const struct ry_buf *body, struct ry_buf *out)
{
    for (size_t i = 0; i < body->n; i++)
        (void)ry_buf_addf(out, "%02x", (unsigned char)body->p[i]);
    (void)ry_buf_add_str(out, RY_STR("\n"));
}

static void print_sample(const struct ry_descriptor *descriptor, struct ry_buf *out)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)16 << 20);
    RY_BUF_AUTO body = ry_buf_make((size_t)1 << 20);
    struct ry_frames owned = {.n = 0};
    struct ry_frames frames = {.n = 0};
    void *sample = sample_make(descriptor, SAMPLE_TYPICAL, &arena, &owned);
    assert_int_equal(ry_pack(descriptor, sample, &body, &frames, NULL), RY_OK);
    (void)ry_buf_addf(out, "  frames %zu body ", frames.n);
    print_bytes(&body, out);
    ry_frames_clear(&frames);
    ry_frames_clear(&owned);
}

/* A record that no message and no other record lists. */
static void print_lone_record(const struct ry_record *record, struct ry_buf *out)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
    RY_BUF_AUTO body = ry_buf_make((size_t)1 << 20);
    (void)ry_buf_addf(out, "\nrecord %s\n", record->name);
    print_fields(record, 1, out);
    const void *sample = sample_record(record, SAMPLE_TYPICAL, &arena);
    assert_int_equal(ry_pack_record(record, sample, &body, NULL), RY_OK);
    (void)ry_buf_add_str(out, RY_STR("  body "));
    print_bytes(&body, out);
}

static void print_all(struct ry_buf *out)
{
    static const char *const kinds[] = {"REQUEST", "ASK", "ANSWER", "EVENT", "CONTROL"};
    size_t count = 0;
    const struct ry_descriptor *d = ry_descriptors(&count);
    (void)ry_buf_addf(out, "version %d\n", RY_PROTO_VERSION);
    for (size_t i = 0; i < count; i++) {
        (void)ry_buf_addf(out, "\n%u %s %s ", d[i].tag, d[i].record.name, kinds[d[i].kind]);
        print_roles(d[i].senders, out);
        (void)ry_buf_add_str(out, RY_STR(" -> "));
        print_roles(d[i].receivers, out);
        (void)ry_buf_add_str(out, RY_STR("\n"));
        print_fields(&d[i].record, 1, out);
        print_sample(&d[i], out);
    }
    const struct ry_record *const *records = ry_records(&count);
    for (size_t i = 0; i < count; i++)
        if (sample_is_lone(records[i]))
            print_lone_record(records[i], out);
    assert_false(out->failed);
}

static void read_file(const char *path, struct ry_buf *out)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    char chunk[4096];
    for (size_t n = 0; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        assert_int_equal(ry_buf_add(out, chunk, n), RY_OK);
    assert_int_equal(fclose(file), 0);
}

static void the_wire_format_is_as_the_golden_file_says(void **state)
{
    (void)state;
    const char *source = getenv("REELYARD_SOURCE");
    const char *mode = getenv("REELYARD_GOLDEN");
    assert_non_null(source);
    RY_BUF_AUTO path = ry_buf_make(4096);
    assert_int_equal(ry_buf_addf(&path, "%s/tests/unit/golden/messages.txt", source), RY_OK);
    RY_BUF_AUTO now = ry_buf_make((size_t)8 << 20);
    print_all(&now);
    if (mode && strcmp(mode, "write") == 0) {
        FILE *file = fopen(ry_buf_cstr(&path), "w");
        assert_non_null(file);
        assert_int_equal(fwrite(now.p, 1, now.n, file), now.n);
        assert_int_equal(fclose(file), 0);
    }
    RY_BUF_AUTO golden = ry_buf_make((size_t)8 << 20);
    read_file(ry_buf_cstr(&path), &golden);
    size_t same = 0;
    size_t line = 1;
    while (same < now.n && same < golden.n && now.p[same] == golden.p[same])
        line += now.p[same++] == '\n';
    if (same < now.n || same < golden.n)
        fail_msg("messages.def differs from golden/messages.txt at its line %zu; see the head of this test", line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_stand_by_rising_tag_and_are_found_by_it),
        cmocka_unit_test(every_message_and_field_has_a_description_and_each_message_its_own),
        cmocka_unit_test(mail_for_a_mailbox_goes_to_exactly_one_role),
        cmocka_unit_test(limits_are_in_order_and_flags_where_they_mean_something),
        cmocka_unit_test(what_confined_roles_say_belongs_to_a_conversation_or_is_bounded_and_about_nothing),
        cmocka_unit_test(a_conversation_is_had_by_those_who_are_given_its_mail),
        cmocka_unit_test(of_one_mail_follow_at_most_two_kinds_of_limited_number),
        cmocka_unit_test(a_subject_is_a_string_that_must_be_there),
        cmocka_unit_test(the_subject_is_found_in_a_packed_body),
        cmocka_unit_test(purges_deletions_and_control_stay_on_their_node),
        cmocka_unit_test(requests_flow_one_way_so_that_no_mailbox_waits_for_itself),
        cmocka_unit_test(every_role_has_a_name_of_its_own),
        cmocka_unit_test(the_wire_format_is_as_the_golden_file_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
