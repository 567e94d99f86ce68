/* mailbox_test.c: order and fairness of one mailbox, and the index of mails. */
#include "tests/bed/bed.h"

#include "runtime/bus/mail_index.h"
#include "runtime/bus/mailbox.h"

static struct mail_pool pool;
static struct mailbox mailbox;

static int set_up(void **state)
{
    (void)state;
    mailbox_init(&mailbox);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mailbox_free(&mailbox, &pool);
    mail_pool_free(&pool);
    return 0;
}

static struct mail *mail_of(uint64_t id, uint64_t tenant, enum ry_priority priority)
{
    const struct ry_str body = RY_STR("body");
    const struct ry_envelope head = {.id = id,
                                     .tenant = tenant,
                                     .priority = (uint8_t)priority,
                                     .tag = RY_TAG_archive_get,
                                     .attempt = 1,
                                     .body = body};
    struct mail *mail = mail_new(&pool, body, &head, NULL, 0);
    assert_non_null(mail);
    return mail;
}

static void put(uint64_t id, uint64_t tenant, enum ry_priority priority)
{
    assert_int_equal(mailbox_put(&mailbox, mail_of(id, tenant, priority), false), RY_OK);
}

static void expect_order(const uint64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct mail *mail = mailbox_first(&mailbox);
        assert_non_null(mail);
        assert_int_equal(mail->head.id, ids[i]);
        mailbox_remove(&mailbox, mail);
        mail_free(&pool, mail);
    }
    assert_null(mailbox_first(&mailbox));
    assert_int_equal(mailbox.n, 0);
    assert_int_equal(mailbox.bytes, 0);
}
#define EXPECT_ORDER(...) \
    expect_order((const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void higher_priority_goes_first(void **state)
{
    (void)state;
    put(1, 7, RY_PRIORITY_BACKFILL);
    put(2, 7, RY_PRIORITY_LIVE);
    put(3, 7, RY_PRIORITY_RETRY);
    put(4, 7, RY_PRIORITY_CONTROL);
    put(5, 7, RY_PRIORITY_DELETE);
    EXPECT_ORDER(4, 2, 5, 3, 1);
}

static void one_tenant_is_served_in_order(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= 4; id++)
        put(id, 7, RY_PRIORITY_LIVE);
    EXPECT_ORDER(1, 2, 3, 4);
}

static void busy_tenant_does_not_starve_the_others(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= 4; id++)
        put(id, 7, RY_PRIORITY_BACKFILL);
    put(10, 8, RY_PRIORITY_BACKFILL);
    put(11, 8, RY_PRIORITY_BACKFILL);
    put(20, 9, RY_PRIORITY_BACKFILL);
    EXPECT_ORDER(1, 10, 20, 2, 11, 3, 4);
}

static void mail_that_came_back_goes_before_its_priority(void **state)
{
    (void)state;
    put(1, 7, RY_PRIORITY_LIVE);
    put(2, 8, RY_PRIORITY_LIVE);
    put(3, 9, RY_PRIORITY_CONTROL);
    struct mail *returned = mail_of(4, 8, RY_PRIORITY_LIVE);
    returned->returned = true;
    assert_int_equal(mailbox_put(&mailbox, returned, true), RY_OK);
    assert_int_equal(mailbox.returned, 1);
    EXPECT_ORDER(3, 4, 1, 2);
    assert_int_equal(mailbox.returned, 0);
}

static void mail_taken_from_the_middle_leaves_the_turns_alone(void **state)
{
    (void)state;
    put(1, 7, RY_PRIORITY_LIVE);
    put(2, 7, RY_PRIORITY_LIVE);
    struct mail *middle = mail_of(3, 8, RY_PRIORITY_LIVE);
    assert_int_equal(mailbox_put(&mailbox, middle, false), RY_OK);
    put(4, 9, RY_PRIORITY_LIVE);
    mailbox_remove(&mailbox, middle);
    mail_free(&pool, middle);
    EXPECT_ORDER(1, 4, 2);
}

static void oldest_is_known(void **state)
{
    (void)state;
    put(1, 7, RY_PRIORITY_BACKFILL);
    put(2, 7, RY_PRIORITY_CONTROL);
    assert_int_equal(TAILQ_FIRST(&mailbox.by_age)->head.id, 1);
    EXPECT_ORDER(2, 1);
}

static void bytes_count_frames(void **state)
{
    (void)state;
    struct ry_frame *frame = ry_frame_copy("0123456789", 10);
    const struct ry_envelope head = {.id = 1, .tag = RY_TAG_archive_get, .body = RY_STR("body")};
    struct mail *mail = mail_new(&pool, head.body, &head, (struct ry_frame *[]){frame, frame, frame}, 3);
    assert_non_null(mail);
    assert_int_equal(mailbox_put(&mailbox, mail, false), RY_OK);
    assert_int_equal(mailbox.bytes, 34);
    ry_frame_unref(frame);
    EXPECT_ORDER(1);
}

static void attempt_is_written_into_the_envelope(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 10, MAIL_INLINE_BYTES, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        RY_BUF_AUTO body = ry_buf_make(200000);
        RY_BUF_AUTO packed = ry_buf_make(200000);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(ry_buf_add(&body, "b", 1), RY_OK);
        struct ry_envelope head = {.id = 5, .tag = RY_TAG_archive_get, .attempt = 1, .body = ry_buf_str(&body)};
        assert_int_equal(ry_envelope_pack(&head, &packed), RY_OK);
        assert_int_equal(ry_envelope_unpack(ry_buf_str(&packed), &head, NULL), RY_OK);
        struct mail *mail = mail_new(&pool, ry_buf_str(&packed), &head, NULL, 0);
        assert_non_null(mail);
        assert_int_equal(mail_set_attempt(mail, 300), RY_OK);
        struct ry_envelope read;
        assert_int_equal(ry_envelope_unpack((struct ry_str){mail->bytes, mail->n}, &read, NULL), RY_OK);
        assert_int_equal(read.attempt, 300);
        assert_true(ry_str_eq(read.body, ry_buf_str(&body)));
        assert_true(mail->head.body.p == read.body.p);
        mail_free(&pool, mail);
    }
}

static void index_finds_what_it_has(void **state)
{
    (void)state;
    struct mail_index index;
    assert_int_equal(mail_index_init(&index), RY_OK);
    enum { MAILS = 5000 };
    static struct mail *mails[MAILS];
    for (uint64_t i = 0; i < MAILS; i++) {
        mails[i] = mail_of((i % 7) << 32 | (i + 1), 1, RY_PRIORITY_LIVE);
        mail_index_add(&index, mails[i]);
    }
    for (uint64_t i = 0; i < MAILS; i += 2)
        mail_index_remove(&index, mails[i]);
    assert_int_equal(index.n, MAILS / 2);
    for (uint64_t i = 0; i < MAILS; i++)
        assert_ptr_equal(mail_index_find(&index, mails[i]->head.id), i % 2 ? mails[i] : NULL);
    mail_index_free(&index);
    for (size_t i = 0; i < MAILS; i++)
        mail_free(&pool, mails[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(higher_priority_goes_first),
        TEST(one_tenant_is_served_in_order),
        TEST(busy_tenant_does_not_starve_the_others),
        TEST(mail_that_came_back_goes_before_its_priority),
        TEST(mail_taken_from_the_middle_leaves_the_turns_alone),
        TEST(oldest_is_known),
        TEST(bytes_count_frames),
        TEST(attempt_is_written_into_the_envelope),
        TEST(index_finds_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
