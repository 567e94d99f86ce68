/* error.c: see error.h. Pure; nothing is allocated, so that a lack of memory can be reported. */
#include "runtime/base/error.h"

#include "runtime/base/utf8.h"

enum ry_err_class ry_err_class(enum ry_err code)
{
    if (code == RY_OK)
        return RY_CLASS_NONE;
    if (code > RY_EINVAL)
        return RY_CLASS_RETRY;
    return code > RY_ECONFIG ? RY_CLASS_REJECT : RY_CLASS_DIE;
}

const char *ry_err_name(enum ry_err code)
{
    switch (code) {
    case RY_OK: return "ok";
    case RY_EBUSY: return "busy";
    case RY_EAWAY: return "away";
    case RY_ETIMEOUT: return "timeout";
    case RY_EFULL: return "full";
    case RY_EIO: return "io";
    case RY_ENOMEM: return "no_memory";
    case RY_ESCHEMA: return "schema";
    case RY_EINVAL: return "invalid";
    case RY_ELIMIT: return "limit";
    case RY_ENOENT: return "not_found";
    case RY_EACCES: return "not_allowed";
    case RY_EDATA: return "data";
    case RY_EUNSUPPORTED: return "unsupported";
    case RY_EFENCED: return "fenced";
    case RY_ECONFIG: return "config";
    case RY_ECORRUPT: return "corrupt";
    case RY_EBUG: return "bug";
    }
    return "unknown";
}

int ry_vfail(struct ry_error *err, enum ry_err code, const char *format, va_list args)
{
    if (err == NULL)
        return code;
    (void)ry_utf8_vprint(err->text, sizeof err->text, format, args);
    err->code = code;
    return code;
}

int ry_fail(struct ry_error *err, enum ry_err code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = ry_vfail(err, code, format, args);
    va_end(args);
    return result;
}
