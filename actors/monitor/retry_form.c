/* retry_form.c: see retry_form.h; from the template retry.html. Owns nothing. */
#include "actors/monitor/retry_form.h"

#include "actors/monitor/html.h"
#include "actors/monitor/template.h"

void retry_form_add(const struct retry_form *form, struct ry_buf *out)
{
    RY_BUF_AUTO action = ry_buf_make(512);
    if (form->clip_id.n > 0) {
        (void)ry_buf_add_str(&action, RY_STR("/api/clips/"));
        html_component(&action, form->clip_id);
        (void)ry_buf_add_str(&action, RY_STR("/retry"));
    } else {
        (void)ry_buf_add_str(&action, RY_STR("/api/failed/retry"));
    }
    const struct slot slots[] = {
        SLOT_TEXT("action", ry_buf_str(&action)),
        SLOT_TEXT("token", form->token),
        SLOT_TEXT("back", form->back),
        SLOT_TEXT("reason", form->reason),
        SLOT_TEXT("text", ry_str_of(form->text)),
        SLOT_TEXT("label", form->label),
    };
    TEMPLATE_FILL("retry", slots, out);
}
