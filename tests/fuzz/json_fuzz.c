/* json_fuzz.c: whatever bytes there are, the reader takes them or refuses them with a reason; what it takes can be
 * written, and what was written says the same when it is read again. */
#include "runtime/json/writer.h"

#include <stdlib.h>

#define TEXT_MAX_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

static void write_value(const struct ry_json *value, struct ry_buf *text)
{
    struct ry_json_writer writer = ry_json_writer(text, false);
    ry_json_put_value(&writer, NULL, value);
    check(!text->failed && ry_str_is_utf8(ry_buf_str(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RY_JSON_AUTO *doc = NULL;
    RY_JSON_AUTO *again = NULL;
    RY_JSON_AUTO *settings = NULL;
    RY_BUF_AUTO first = ry_buf_make(TEXT_MAX_BYTES);
    RY_BUF_AUTO second = ry_buf_make(TEXT_MAX_BYTES);
    struct ry_str text = {(const char *)data, size};
    struct ry_error err = {.text = ""};
    size_t line = 0;
    (void)ry_json_parse_jsonc(text, &settings, &line, &err);
    int rc = ry_json_parse(text, &doc, &err);
    if (rc != RY_OK) {
        check(rc == RY_EINVAL && err.text[0] != '\0');
        return 0;
    }
    check(settings != NULL && ry_str_is_utf8(text));
    write_value(ry_json_root(doc), &first);
    check(ry_json_parse(ry_buf_str(&first), &again, &err) == RY_OK);
    write_value(ry_json_root(again), &second);
    check(ry_str_eq(ry_buf_str(&first), ry_buf_str(&second)));
    return 0;
}
