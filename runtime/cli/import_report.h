/* import_report.h: what an import came to, for a person or as JSON. */
#ifndef REELYARD_RUNTIME_CLI_IMPORT_REPORT_H
#define REELYARD_RUNTIME_CLI_IMPORT_REPORT_H

#include "runtime/cli/page.h"
#include "runtime/import/inquiry.h"
#include "runtime/import/report.h"

/* Writes a title with the count, and the sentences; nothing when there is none. */
void ry_reasons_print(const struct ry_reasons *reasons, const char *title, FILE *out);

/* Whether everything is as it should be: the exit code is 0. */
bool ry_import_report_good(const struct ry_import_report *report, const struct ry_inquiry *inquiry);

/* Writes it to cli->out. page: where to look at the archive. */
void ry_import_report_print(const struct ry_import_report *report, const struct ry_inquiry *inquiry,
                            const struct ry_page *page, const struct ry_cli *cli, bool json);

#endif
