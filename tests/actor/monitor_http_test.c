/* monitor_http_test.c: who may look, and how the port speaks HTTP. */
#include "tests/bed/monitor_site.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- who may look ------------------------------------------------------------------------------------------------ */

static void with_a_token_only_ping_ready_and_assets_are_open(void **state)
{
    (void)state;
    static const char *const closed[] = {"/",          "/failures",    "/metrics", "/api/status",
                                         "/api/clips", SITE_THUMBNAIL, "/nothing", ("/clip/" SITE_CLIP_ID)};
    static const char *const wrong[] = {"",
                                        "Authorization: Bearer guess\r\n",
                                        "Authorization: Bearer s3cret;x\r\n",
                                        "Authorization: Bearer \r\n",
                                        "Authorization: Basic s3cret;\r\n",
                                        "Cookie: reelyard_token=s3cret;\r\n",
                                        "Cookie: reelyard_token=\r\n"};
    struct site site = site_open("s3cret;");
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        site_expect_at_once(&site, "GET", closed[i], "", 401, "WWW-Authenticate: Bearer");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        site_expect_at_once(&site, "GET", "/nothing", wrong[i], 401, "REELYARD_WEB_TOKEN");
    site_expect_at_once(&site, "GET", "/?token=guess", "", 401, "REELYARD_WEB_TOKEN");
    site_expect_at_once(&site, "GET", "/ping", "", 200, "alive");
    site_expect_at_once(&site, "GET", "/assets/-/style.css", "", 200, "text/css");
    site_expect_at_once(&site, "GET", "/nothing", "Authorization: Bearer s3cret;\r\n", 404, "Not found");
    struct visit visit = visit_get(&site, "/ready");
    site_until_asked(&site);
    visit_end(&visit);
    site_close(&site);
}

static void the_token_moves_from_the_url_to_a_cookie(void **state)
{
    (void)state;
    struct site site = site_open("s3cret;");
    site_expect_at_once(&site, "GET", "/?guild=1&token=s3cret%3B&status=failed", "", 303,
                        "Location: /?guild=1&status=failed\r\n");
    site_expect_at_once(&site, "GET", "/?token=s3cret%3B", "", 303,
                        "Set-Cookie: reelyard_token=7333637265743b; HttpOnly; SameSite=Lax; Path=/\r\n");
    site_expect_at_once(&site, "GET", "//evil.example/?token=s3cret%3B", "", 303, "Location: /\r\n");
    site_expect_at_once(&site, "GET", "/nothing", "Cookie: a=b; reelyard_token=7333637265743b\r\n", 404, "Not found");
    site_close(&site);
}

static void on_the_loopback_a_strangers_host_name_is_refused(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    static const struct {
        const char *host;
        bool allowed;
    } hosts[] = {{"localhost", true},        {"127.0.0.1:8080", true}, {"[::1]:8080", true},
                 {"LOCALHOST", true},        {"evil.example", false},  {"localhost.evil.example", false},
                 {"127.0.0.1.nip.io", false}};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char request[256];
        (void)snprintf(request, sizeof request, "GET /ping HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                       hosts[i].host);
        struct visit visit = visit_raw(&site, request);
        site_assert_status(visit_until_answered(&site, &visit), hosts[i].allowed ? 200 : 403);
        visit_end(&visit);
    }
    site_close(&site);
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

static void every_answer_tells_the_browser_to_be_strict(void **state)
{
    (void)state;
    static const char *const headers[] = {
        ("Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
         "connect-src 'self'; media-src 'self' https:; base-uri 'none'; form-action 'self'; frame-ancestors "
         "'none'\r\n"),
        "X-Content-Type-Options: nosniff", "Referrer-Policy: same-origin"};
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        site_expect_at_once(&site, "GET", "/ping", "", 200, headers[i]);
        site_expect_at_once(&site, "GET", "/nothing", "", 404, headers[i]);
        site_expect_at_once(&site, "POST", "/", "Content-Length: 0\r\n", 405, headers[i]);
    }
    site_close(&site);
}

static void a_path_takes_the_methods_that_suit_it(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    static const char *const others[] = {"POST", "PUT", "DELETE", "OPTIONS", "BREW"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        site_expect_at_once(&site, others[i], "/ping", "", 405, "Allow: GET, HEAD");
    site_expect_at_once(&site, "GET", "/api/failed/retry", "", 405, "Allow: POST\r\n");
    struct visit visit = visit_with(&site, "HEAD", "/ping", "");
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "Content-Length: 6\r\n");
    site_assert_has_not(answer, "alive");
    visit_end(&visit);
    site_close(&site);
}

static void many_visitors_wait_at_once(void **state)
{
    (void)state;
    enum { VISITORS = 20 };
    struct site site = site_open(NULL);
    struct visit visits[VISITORS];
    uint64_t ids[VISITORS];
    for (size_t i = 0; i < VISITORS; i++) {
        visits[i] = visit_get(&site, "/api/clips");
        site_until_asked(&site);
        (void)BED_EXPECT(site.bed, gallery_get);
        ids[i] = bed_envelope(site.bed)->id;
    }
    struct ry_gallery_clip clip = site_clip();
    for (size_t i = VISITORS; i-- > 0;) { /* in another order than they came */
        char name[32];
        (void)snprintf(name, sizeof name, "clip-%zu.mp4", i);
        clip.filename = ry_str_of(name);
        BED_ANSWER(site.bed, ids[i], gallery_page, &((struct ry_gallery_page){.clips = {&clip, 1}}));
        site_assert_has(visit_until_answered(&site, &visits[i]), name);
        visit_end(&visits[i]);
    }
    site_close(&site);
}

static void a_port_that_is_taken_is_a_clear_error(void **state)
{
    (void)state;
    int holder = -1;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)site_free_port(&holder));
    const char *const options[][2] = {{"http_port", port}, {NULL, NULL}};
    struct ry_error err = {0};
    bed_new_fails(&ry_monitor_spec, options, &err);
    assert_int_equal(err.code, RY_ECONFIG);
    site_assert_has(err.text, "Address already in use; choose another --http-port");
    assert_int_equal(close(holder), 0);
    const char *const nonsense[][2] = {{"http_port", port}, {"http_bind", "the-moon"}, {NULL, NULL}};
    bed_new_fails(&ry_monitor_spec, nonsense, &err);
    assert_int_equal(err.code, RY_ECONFIG);
    site_assert_has(err.text, "the-moon");
}

static void with_port_0_there_is_no_http(void **state)
{
    (void)state;
    const char *const options[][2] = {{"http_port", "0"}, {NULL, NULL}};
    struct bed *bed = bed_new(&ry_monitor_spec, options);
    assert_int_equal(ry_instance_engine_fd(bed_instance(bed)), -1);
    bed_drain(bed);
    assert_true(bed_finished(bed));
    bed_free(bed);
}

static void draining_ends_when_the_last_visitor_is_served(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/api/clips");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    uint64_t id = bed_envelope(site.bed)->id;
    bed_drain(site.bed);
    assert_false(bed_finished(site.bed));
    site_expect_at_once(&site, "GET", "/", "", 503, "The node is stopping");
    BED_ANSWER(site.bed, id, gallery_page, &((struct ry_gallery_page){0}));
    for (int turn = 0; !bed_finished(site.bed) && turn < SITE_TURNS_MAX; turn++)
        site_pump(&site);
    assert_true(bed_finished(site.bed));
    while (visit_read(&visit))
        continue;
    site_assert_has(ry_buf_cstr(&visit.got), "{\"clips\":[],\"next\":null}");
    visit_end(&visit);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_token_only_ping_ready_and_assets_are_open),
        cmocka_unit_test(the_token_moves_from_the_url_to_a_cookie),
        cmocka_unit_test(on_the_loopback_a_strangers_host_name_is_refused),
        cmocka_unit_test(every_answer_tells_the_browser_to_be_strict),
        cmocka_unit_test(a_path_takes_the_methods_that_suit_it),
        cmocka_unit_test(many_visitors_wait_at_once),
        cmocka_unit_test(a_port_that_is_taken_is_a_clear_error),
        cmocka_unit_test(with_port_0_there_is_no_http),
        cmocka_unit_test(draining_ends_when_the_last_visitor_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
